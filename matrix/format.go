package matrix

import (
	"github.com/netconform/netconform/matrix/strict"
)

// document is a matrix file as it is written; schema.json describes the same.
type document struct {
	Matrix    Named                      `yaml:"matrix" strict:"required"`
	Externals strict.Map[externalFormat] `yaml:"externals"`
	Groups    strict.Map[[]Named]        `yaml:"groups"`
	Mentioned []Named                    `yaml:"mentioned"`
	Services  strict.Map[serviceFormat]  `yaml:"services" strict:"required"`
}

type externalFormat struct {
	Ports []Port `yaml:"ports"`
	From  []Rule `yaml:"from"`
}

type serviceFormat struct {
	Tier   Named  `yaml:"tier"`
	Ports  []Port `yaml:"ports"`
	Stated []Port `yaml:"stated"`
	From   []Rule `yaml:"from"`
	To     []Rule `yaml:"to"`
	DNS    Named  `yaml:"dns"`
}

type portFormat struct {
	Name     Named        `yaml:"name"`
	Port     *strict.Node `yaml:"port" strict:"required"`
	Protocol Named        `yaml:"protocol"`
}

type ruleFormat struct {
	Peer  Named  `yaml:"peer" strict:"required"`
	Ports []Port `yaml:"ports"`
	Why   string `yaml:"why"`
}

// DecodeYAML reads a name with its place.
func (n *Named) DecodeYAML(d *strict.Decoder, node *strict.Node) {
	n.Pos = d.Pos(node)
	n.Name = d.Text(node)
	if n.Name == "" && strict.IsText(node) {
		d.Problem(node, "a name is empty; write one")
	}
}

// DecodeYAML reads a rule: the peer alone, or with ports and a reason.
func (r *Rule) DecodeYAML(d *strict.Decoder, n *strict.Node) {
	r.Pos = d.Pos(n)
	if !strict.IsMapping(n) {
		var peer Named
		peer.DecodeYAML(d, n)
		r.Peer = peer.Name
		return
	}
	var f ruleFormat
	d.Decode(n, &f)
	r.Peer, r.Ports, r.Why = f.Peer.Name, f.Ports, f.Why
	if f.Ports != nil && len(f.Ports) == 0 {
		d.Problem(n, "a rule with no ports allows nothing; list the ports, or leave \"ports\" out for all of them")
	}
}

// matrix carries the file's content over; nothing is checked yet.
func (f *document) matrix(file string) *Matrix {
	m := &Matrix{Name: f.Matrix.Name, File: file, Mentioned: f.Mentioned}
	for _, e := range f.Externals {
		m.Externals = append(m.Externals, External{Name: e.Name, Ports: e.Value.Ports, From: e.Value.From, Pos: e.Pos})
	}
	for _, g := range f.Groups {
		m.Groups = append(m.Groups, Group{Name: g.Name, Members: g.Value, Pos: g.Pos})
	}
	for _, s := range f.Services {
		v := s.Value
		service := Service{Name: s.Name, Tier: v.Tier.Name, Ports: v.Ports, Stated: v.Stated, From: v.From, To: v.To, DNS: Allow, Pos: s.Pos}
		if v.DNS.Name == string(Deny) {
			service.DNS = Deny
		}
		m.Services = append(m.Services, service)
	}
	return m
}
