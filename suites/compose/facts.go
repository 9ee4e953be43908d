package compose

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"

	"github.com/netconform/netconform/suites"
)

// facts records what the verdicts depend on. What can't be read is "unknown":
// a fact is never guessed.
func (d *deployment) facts(ctx context.Context) {
	add := func(name, value string) {
		if value == "" {
			value = "unknown"
		}
		d.environment = append(d.environment, suites.Fact{Name: name, Value: value})
	}
	info, err := d.cli.Info(ctx, client.InfoOptions{})
	if err == nil {
		add("engine", info.Info.ServerVersion)
		add("api", d.cli.ClientVersion())
		add("kernel", info.Info.KernelVersion)
		add("os", info.Info.OperatingSystem)
		backend := ""
		if info.Info.FirewallBackend != nil {
			backend = info.Info.FirewallBackend.Driver
		}
		if backend == "" && d.local {
			backend = iptablesVariant(ctx)
		}
		add("firewall backend", backend)
	}
	read := func(f func() string) string {
		if !d.local {
			return ""
		}
		return f()
	}
	add("userland proxy", read(userlandProxy))
	add("engine writes iptables", read(func() string { return writesRules(ctx) }))
	add("bridge-nf-call-iptables", read(func() string { return sysctl("net/bridge/bridge-nf-call-iptables") }))
	add("ip_forward", read(func() string { return sysctl("net/ipv4/ip_forward") }))
	add("FORWARD policy", read(func() string { return forwardPolicy(ctx) }))
	add("DOCKER-USER rules", read(func() string { return dockerUser(ctx) }))
}

func sysctl(path string) string {
	text, _ := os.ReadFile(filepath.Join("/proc/sys", path))
	return strings.TrimSpace(string(text))
}

// iptablesVariant is "iptables (nf_tables)" or "iptables (legacy)".
func iptablesVariant(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "iptables", "--version").Output()
	if err != nil {
		return ""
	}
	if _, variant, ok := strings.Cut(strings.TrimSpace(string(out)), " ("); ok {
		return "iptables (" + variant
	}
	return "iptables"
}

func rules(ctx context.Context, chain string) []string {
	out, err := exec.CommandContext(ctx, "iptables", "-w", "-S", chain).Output()
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func forwardPolicy(ctx context.Context) string {
	for _, rule := range rules(ctx, "FORWARD") {
		if policy, ok := strings.CutPrefix(rule, "-P FORWARD "); ok {
			return policy
		}
	}
	return ""
}

// writesRules tells by the engine's chains; without them it may have been told
// not to write any, or writes nftables.
func writesRules(ctx context.Context) string {
	if rules(ctx, "DOCKER-USER") != nil {
		return "on"
	}
	return ""
}

// dockerUser counts the rules that somebody put in front of the engine's own.
func dockerUser(ctx context.Context) string {
	list := rules(ctx, "DOCKER-USER")
	if list == nil {
		return ""
	}
	n := 0
	for _, rule := range list {
		if strings.HasPrefix(rule, "-A ") && rule != "-A DOCKER-USER -j RETURN" {
			n++
		}
	}
	return fmt.Sprint(n)
}

// userlandProxy looks for the engine's proxies among the processes: one for
// each published port, where it is on.
func userlandProxy() string {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(text)) == "docker-proxy" {
			return "on"
		}
	}
	return ""
}
