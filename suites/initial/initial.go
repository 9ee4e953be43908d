// Package initial makes a first matrix for a team that has none: out of Compose
// files or manifests (what they allow), out of a run (what it saw open), or out of a
// Markdown document that describes services in words. The text is meant to be
// read, cut down and kept.
package initial

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netconform/netconform/matrix"
)

// draft is a matrix in the making. Its text comes from write alone.
type draft struct {
	name      string
	head      []string // comment lines before everything
	externals []external
	groups    []group
	mentioned []string
	services  []service
}

type external struct {
	name  string
	note  string // comment before it
	ports []port
	from  []rule
}

type group struct {
	name    string
	members []string
}

type service struct {
	name, tier string
	notes      []string // comment lines in it
	ports      []port
	stated     []port
	from       []rule
	to         []string // nil: nothing is stated
}

type port struct {
	name     string // may be empty
	number   int
	protocol matrix.Protocol
}

type rule struct {
	peer  string
	ports []port // none: all of them
	why   string
}

// write gives the draft's text, and proves that it loads.
func (d *draft) write() ([]byte, error) {
	var b strings.Builder
	for _, line := range d.head {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	fmt.Fprintf(&b, "matrix: %s\n", text(d.name))
	d.writeExternals(&b)
	if len(d.mentioned) > 0 {
		fmt.Fprintf(&b, "\n# Named in the lists of others without a description of their own.\nmentioned: [%s]\n", names(d.mentioned))
	}
	if len(d.groups) > 0 {
		b.WriteString("\ngroups:\n")
		for _, g := range d.groups {
			fmt.Fprintf(&b, "  %s: [%s]\n", text(g.name), names(g.members))
		}
	}
	b.WriteString("\nservices:\n")
	for i, s := range d.services {
		if i > 0 {
			b.WriteString("\n")
		}
		s.write(&b)
	}
	out := []byte(b.String())
	if _, err := matrix.Parse("the first matrix", out); err != nil {
		return nil, fmt.Errorf("what was read makes no matrix: %w", err)
	}
	return out, nil
}

func (d *draft) writeExternals(b *strings.Builder) {
	if len(d.externals) == 0 {
		return
	}
	b.WriteString("\nexternals:\n")
	for _, e := range d.externals {
		if e.note != "" {
			fmt.Fprintf(b, "  # %s\n", e.note)
		}
		if len(e.ports) == 0 {
			fmt.Fprintf(b, "  %s: {}\n", text(e.name))
			continue
		}
		fmt.Fprintf(b, "  %s:\n    ports: [%s]\n", text(e.name), ports(e.ports))
		writeRules(b, e.from)
	}
}

func (s service) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s:\n", text(s.name))
	for _, note := range s.notes {
		fmt.Fprintf(b, "    # %s\n", note)
	}
	if s.tier != "" {
		fmt.Fprintf(b, "    tier: %s\n", text(s.tier))
	}
	if len(s.ports) > 0 {
		fmt.Fprintf(b, "    ports: [%s]\n", ports(s.ports))
	}
	if len(s.stated) > 0 {
		fmt.Fprintf(b, "    stated: [%s]\n", ports(s.stated))
	}
	if len(s.ports) > 0 || len(s.from) > 0 {
		writeRules(b, s.from)
	}
	if s.to != nil {
		fmt.Fprintf(b, "    to: [%s]\n", names(s.to))
	}
	if len(s.ports) == 0 && s.tier == "" && s.to == nil {
		b.WriteString("    ports: []\n")
	}
}

func writeRules(b *strings.Builder, rules []rule) {
	plain := !slices.ContainsFunc(rules, func(r rule) bool { return r.why != "" || len(r.ports) > 0 })
	if plain {
		var peers []string
		for _, r := range rules {
			peers = append(peers, r.peer)
		}
		fmt.Fprintf(b, "    from: [%s]\n", names(peers))
		return
	}
	b.WriteString("    from:\n")
	for _, r := range rules {
		item := text(r.peer)
		if r.why != "" || len(r.ports) > 0 {
			item = "{peer: " + item
			if len(r.ports) > 0 {
				item += ", ports: [" + ports(r.ports) + "]"
			}
			if r.why != "" {
				item += ", why: " + strconv.Quote(r.why)
			}
			item += "}"
		}
		fmt.Fprintf(b, "      - %s\n", item)
	}
}

func ports(list []port) string {
	var out []string
	for _, p := range list {
		plain := strconv.Itoa(p.number)
		if p.protocol != matrix.TCP {
			plain = strconv.Quote(plain + "/" + string(p.protocol))
		}
		if p.name != "" {
			plain = fmt.Sprintf("{name: %s, port: %s}", text(p.name), plain)
		}
		out = append(out, plain)
	}
	return strings.Join(out, ", ")
}

func names(list []string) string {
	var out []string
	for _, name := range list {
		out = append(out, text(name))
	}
	return strings.Join(out, ", ")
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// text is a YAML scalar that is read back as this very string.
func text(s string) string {
	switch s {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return strconv.Quote(s)
	}
	if plainName.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// label turns any name into one that a matrix may use: a DNS label.
func label(name string) string {
	l := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(l) > 63 {
		l = strings.TrimRight(l[:63], "-")
	}
	return l
}
