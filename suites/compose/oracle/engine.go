package oracle

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/netconform/netconform/suites"
)

// Engine is what decides connectivity beside the files. The zero value stands
// for an engine that nobody asked: then a current one with its defaults is
// assumed, and Assumptions says so.
type Engine struct {
	// Version is the engine's, such as "20.10.24"; empty: none was asked.
	Version string
	// UserlandProxy is whether docker-proxy serves published ports.
	UserlandProxy bool
	// BridgeNFCall is net.bridge.bridge-nf-call-iptables: without it, enable_icc
	// is not enforced (moby#11391).
	BridgeNFCall bool
	// IPTables is whether the engine writes firewall rules at all.
	IPTables bool
	// ForwardPolicy is that of iptables' FORWARD chain, "DROP" or "ACCEPT";
	// empty means DROP, which the engine sets when it turns forwarding on.
	ForwardPolicy string
	// Networks are the options of external networks, by key in the Compose
	// files, as the engine or the run that copies them knows them.
	Networks map[string]Network
}

// Network is what "docker network inspect" says of a network that the files
// only name.
type Network struct {
	Driver   string // empty: bridge
	Internal bool
	IPv6     bool
	Options  map[string]string
}

// assumedVersion is what predictions are made for when no engine was asked.
const assumedVersion = "29.0"

func (e Engine) orAssumed() Engine {
	if e.Version != "" {
		return e
	}
	return Engine{Version: assumedVersion, UserlandProxy: true, BridgeNFCall: true, IPTables: true, Networks: e.Networks}
}

var leadingVersion = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?`)

// since reports whether the engine is of this version or a later one. A version
// that can't be read counts as the assumed one.
func (e Engine) since(major, minor, patch int) bool {
	v := leadingVersion.FindStringSubmatch(e.Version)
	if v == nil {
		v = leadingVersion.FindStringSubmatch(assumedVersion)
	}
	for i, want := range []int{major, minor, patch} {
		if got, _ := strconv.Atoi(v[i+1]); got != want {
			return got > want
		}
	}
	return true
}

// EngineOf reads an engine from the environment that a run recorded: Facts, or
// those of the Compose platform. What is missing or unknown there is taken to
// be the engine's default.
func EngineOf(facts []suites.Fact) Engine {
	e := Engine{UserlandProxy: true, BridgeNFCall: true, IPTables: true}
	for _, f := range facts {
		off := f.Value == "off" || f.Value == "0"
		switch f.Name {
		case "engine":
			if leadingVersion.MatchString(f.Value) {
				e.Version = f.Value
			}
		case "userland proxy":
			e.UserlandProxy = !off
		case "bridge-nf-call-iptables":
			e.BridgeNFCall = !off
		case "engine writes iptables":
			e.IPTables = !off
		case "FORWARD policy":
			if f.Value == "ACCEPT" || f.Value == "DROP" {
				e.ForwardPolicy = f.Value
			}
		}
	}
	return e
}

// Facts are what predictions depend on, in the order to show.
func (e Engine) Facts() []suites.Fact {
	note := ""
	if e.Version == "" {
		note = " (assumed)"
	}
	e = e.orAssumed()
	policy := e.ForwardPolicy
	if policy == "" {
		policy = "DROP (assumed)"
	}
	return []suites.Fact{
		{Name: "engine", Value: e.Version + note},
		{Name: "userland proxy", Value: onOff(e.UserlandProxy) + note},
		{Name: "engine writes iptables", Value: onOff(e.IPTables) + note},
		{Name: "bridge-nf-call-iptables", Value: onOff(e.BridgeNFCall) + note},
		{Name: "FORWARD policy", Value: policy},
		{Name: "DOCKER-USER", Value: "no rules of one's own (assumed)"},
	}
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// Assumptions are the facts that the predictions were made under.
func (o *Oracle) Assumptions() []suites.Fact {
	facts := o.engine.Facts()
	for _, key := range o.model.keys() {
		if n := o.model.networks[key]; n.unknown != "" && n.used {
			facts = append(facts, suites.Fact{Name: "network " + key, Value: fmt.Sprintf("%s, so what depends on its options is unknown", n.unknown)})
		}
	}
	return facts
}
