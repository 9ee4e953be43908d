// Package matrix is the service matrix: who may talk to whom, on which port.
// It is the only source of what is expected; what no rule allows is denied.
//
// A matrix is a YAML file:
//
//	matrix: shop
//	externals:                    # peers outside the system
//	  clients: {}                 # without ports: they only talk
//	  internet:                   # with ports: services may talk to it
//	    ports: [443]
//	    from: [checkout]
//	groups:
//	  scrapers: [prometheus]      # services, tiers, externals, other groups
//	mentioned: [legacy-erp]       # named by the documents, described nowhere
//	services:
//	  web:
//	    tier: front               # a name for services of one kind; a peer, too
//	    ports: [8080]
//	    from: [clients]           # who may talk to it: this decides
//	    to: [checkout]            # whom it says that it talks to: cross-checks
//	  checkout:
//	    tier: back
//	    ports: [{name: http, port: 80}, "5000-5010", "53/udp"]
//	    stated: [8081]            # stated elsewhere; lint names the contradiction
//	    from:
//	      - {peer: web, ports: [http]}
//	      - {peer: scrapers, ports: [5000], why: metrics}
//	    dns: deny                 # its lookups must fail; default: allow
//	  prometheus: {tier: monitoring}
//
// All names share one space and are DNS labels; "*" as a peer is everybody.
// Ports are TCP unless they say otherwise. A rule without ports allows all the
// ports of its destination. Matrix.Expand tells which cases follow.
package matrix

import (
	"fmt"

	"github.com/netconform/netconform/matrix/strict"
)

// Pos is a place in a file, as people and editors write it.
type Pos = strict.Pos

// Protocol of a port: TCP, UDP or SCTP. A case has DNS as well.
type Protocol string

const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	SCTP Protocol = "sctp"
	DNS  Protocol = "dns"
)

// Verdict is whether one peer may, or can, talk to another.
type Verdict string

const (
	Allow Verdict = "allow"
	Deny  Verdict = "deny"
	// Partial is only ever predicted or observed: some ways are open, others not.
	Partial Verdict = "partial"
	// Unknown is only ever predicted or observed.
	Unknown Verdict = "unknown"
)

// Port is one port, or a range, that a service listens on.
type Port struct {
	Name     string
	Number   int // 1 to 65535
	End      int // last port of a range; equal to Number for a single port
	Protocol Protocol
	Pos      Pos
}

// Case is one thing to verify: may From talk to To on this port?
type Case struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Port     int      `json:"port,omitempty"` // 0 for DNS
	Protocol Protocol `json:"protocol"`
	Expected Verdict  `json:"expected"`
	// Pos is the line that says so: the allowing entry, or the destination's
	// own line where nothing allows.
	Pos Pos `json:"-"`
	// Why is the rule's reason in the matrix's own words; may be empty.
	Why string `json:"-"`
}

// Key names the case, stable from run to run: "archon->postgres:5432/tcp",
// "archon->postgres/dns".
func (c Case) Key() string {
	if c.Protocol == DNS {
		return fmt.Sprintf("%s->%s/dns", c.From, c.To)
	}
	return fmt.Sprintf("%s->%s:%d/%s", c.From, c.To, c.Port, c.Protocol)
}

// Matrix is a service matrix as its file says. It is not changed after Load,
// and then safe for concurrent use.
type Matrix struct {
	Name      string
	File      string
	Services  []Service  // in the order of the file
	Externals []External // in the order of the file
	Groups    []Group    // in the order of the file
	// Mentioned are peers that the system's documents name without describing
	// them. They may stand in From and To, have no stand-in and give no cases;
	// lint names each.
	Mentioned []Named
}

// Service is a row of the matrix.
type Service struct {
	Name  string
	Tier  string // may be empty
	Ports []Port // at least one, or the service can only be a source
	// Stated are ports that the documents state elsewhere for the same
	// service, kept so that lint can name the contradiction. They give no cases.
	Stated []Port
	From   []Rule // who may talk to it: authoritative
	// To is whom it says that it talks to, and cross-checks From. It is nil where
	// the matrix does not say; empty and not nil where it says "nobody".
	To []Rule
	// DNS is the verdict expected of this service's lookups; Allow unless the
	// matrix says "dns: deny".
	DNS Verdict
	Pos Pos
}

// External is a peer outside the system. One with ports can be talked to (a
// destination of every service); one without can only talk (a source).
type External struct {
	Name  string
	Ports []Port
	From  []Rule // who may talk to it, where it has ports
	Pos   Pos
}

// Group names services, tiers or other groups together.
type Group struct {
	Name    string
	Members []Named
	Pos     Pos
}

// Named is a name and where it stands.
type Named struct {
	Name string
	Pos  Pos
}

// Rule lets a peer talk on some ports.
type Rule struct {
	Peer  string // a service, tier, group, external or mentioned peer
	Ports []Port // empty: all ports of the destination
	Why   string
	Pos   Pos
}

// Finding is what a look at files alone finds wrong.
type Finding struct {
	Rule    string `json:"rule"` // stable, kebab-case: "one-sided-pair"
	Pos     Pos    `json:"pos"`
	Message string `json:"message"` // what is wrong and what it means
	Mend    string `json:"mend,omitempty"`
}
