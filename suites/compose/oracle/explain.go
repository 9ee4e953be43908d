package oracle

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// reason is the sentence that a report shows, and the place that decides.
func (o *Oracle) reason(c matrix.Case, t trip, ways []way, v matrix.Verdict, at int) (string, matrix.Pos) {
	if at < 0 {
		return "nothing leads from " + c.From + " to " + c.To, matrix.Pos{}
	}
	w := ways[at]
	pos := o.decides(c, t, w)
	switch {
	case t.from == nil || t.to == nil: // one end is outside of the project
		return w.why, pos
	case v == matrix.Partial:
		for _, shut := range ways {
			if shut.required && shut.state == closed {
				return shut.why + "; yet " + o.label(w) + " it is open: " + w.why, pos
			}
		}
	case v == matrix.Deny && t.from.kind == bridged && t.to.kind == bridged && len(t.shared()) == 0:
		return fmt.Sprintf("they share no network: %s; %s", o.where(c.From, t.from), o.where(c.To, t.to)), o.project.Pos("services", t.toService, "networks")
	}
	return w.why, pos
}

// decides is where the files say what opens or shuts a way.
func (o *Oracle) decides(c matrix.Case, t trip, w way) matrix.Pos {
	switch {
	case w.route == suites.ByPublished && t.to != nil && len(t.to.published(c.Port, c.Protocol)) > 0:
		return o.project.PortPos(t.to.owner, t.to.published(c.Port, c.Protocol)[0])
	case w.via == nil && w.pos.Line > 0:
		return w.pos
	case w.via == nil && t.to != nil:
		return o.project.Pos("services", t.toService, "network_mode")
	case w.via == nil:
		return o.project.Pos("services", t.fromService)
	case w.via.unknown != "":
		return w.via.pos
	case w.state == closed && !w.via.icc:
		return o.project.Pos("networks", w.via.key, "driver_opts", optICC)
	case t.to != nil:
		return o.membership(t.to.owner, w.via)
	}
	return w.via.pos
}

func (o *Oracle) membership(service string, net *network) matrix.Pos {
	return o.project.Pos("services", service, "networks", net.key)
}

// shared are the networks that both ends are on.
func (t trip) shared() []*network {
	var list []*network
	for _, net := range t.from.nets {
		if t.to.on(net) {
			list = append(list, net)
		}
	}
	return list
}

func (o *Oracle) where(name string, n *node) string {
	if n.mode == "" && n.owner != name {
		if s, ok := o.project.Compose(name); !ok || s.Name != n.owner {
			return fmt.Sprintf("%s shares the network namespace of %s, which %s", name, n.owner, n.describe())
		}
	}
	return name + " " + n.describe()
}

func (o *Oracle) label(w way) string {
	switch {
	case w.route == suites.ByName:
		return "by name"
	case w.route == suites.ByPublished:
		return "through the host's published port"
	case w.via == nil:
		return "by address"
	}
	return "by the address on " + w.via.key
}

// steps are the walk of the decision, for explain.
func (o *Oracle) steps(c matrix.Case, t trip, ways []way, p suites.Prediction) []string {
	var list []string
	if t.from != nil {
		list = append(list, o.where(c.From, t.from))
	} else {
		list = append(list, c.From+" is beyond the host")
	}
	if t.to != nil {
		list = append(list, o.where(c.To, t.to))
	} else {
		list = append(list, c.To+" is beyond the host")
	}
	if t.from != nil && t.to != nil {
		if shared := t.shared(); len(shared) > 0 {
			var keys []string
			for _, net := range shared {
				keys = append(keys, net.key)
			}
			list = append(list, "they share "+join(keys))
		} else if t.from.kind == bridged && t.to.kind == bridged {
			list = append(list, "they share no network")
		}
	}
	for _, w := range ways {
		text := [...]string{closed: "shut", open: "open", unclear: "not known"}[w.state]
		list = append(list, fmt.Sprintf("%s: %s, since %s", o.label(w), text, w.why))
	}
	return append(list, fmt.Sprintf("so %s", [...]string{"it is open", "it is shut", "it is open in part: a service is reached, but not by its name", "it can't be known"}[verdictIndex(p.Verdict)]))
}

func verdictIndex(v matrix.Verdict) int {
	for i, other := range []matrix.Verdict{matrix.Allow, matrix.Deny, matrix.Partial} {
		if v == other {
			return i
		}
	}
	return 3
}

// mend is the smallest change that turns the verdict round.
func (o *Oracle) mend(c matrix.Case, t trip, ways []way, v matrix.Verdict) string {
	switch {
	case v == matrix.Unknown:
		return ""
	case t.to == nil:
		if v == matrix.Allow {
			return "put " + c.From + " on internal networks only"
		}
		return "put " + c.From + " on a network that is not internal"
	case t.from == nil:
		if v == matrix.Deny {
			return fmt.Sprintf("publish the port: ports: [\"%d:%d\"] on %s", c.Port, c.Port, t.to.owner)
		}
		return fmt.Sprintf("take port %d out of ports of %s", c.Port, t.to.owner)
	case v == c.Expected && v == matrix.Allow, v == matrix.Allow:
		return o.shut(c, t, ways)
	case v == matrix.Partial && c.Expected == matrix.Deny:
		return o.shut(c, t, ways)
	}
	return o.open(c, t)
}

// shut closes every way that is open.
func (o *Oracle) shut(c matrix.Case, t trip, ways []way) string {
	var mends, nets []string
	published := false
	for _, w := range ways {
		if w.state != open {
			continue
		}
		switch {
		case w.route == suites.ByPublished:
			published = true
		case w.route == suites.ByAddress && w.via != nil && t.from.on(w.via) && t.from != t.to:
			nets = append(nets, w.via.key)
		case t.from == t.to:
			return "give " + c.From + " and " + c.To + " network namespaces of their own"
		case w.via == nil:
			return "take " + c.To + " off the host's network"
		}
	}
	if len(nets) > 0 {
		mends = append(mends, fmt.Sprintf("take %s or %s off %s", c.From, c.To, join(nets)))
	}
	if published {
		mends = append(mends, fmt.Sprintf("publish port %d of %s on 127.0.0.1 only, or not at all", c.Port, c.To))
	}
	return strings.Join(mends, ", and ")
}

// open makes the name lead to an address that answers.
func (o *Oracle) open(c matrix.Case, t trip) string {
	var blocked, good []string
	for _, net := range t.shared() {
		if net.icc {
			good = append(good, net.key)
		} else {
			blocked = append(blocked, net.key)
		}
	}
	switch {
	case t.from.kind != bridged || t.to.kind != bridged || !t.from.resolves():
		return fmt.Sprintf("put %s and %s on a common network instead of network_mode", c.From, c.To)
	case len(blocked) > 0 && len(good) > 0:
		return fmt.Sprintf("take %s or %s off %s, so that the name resolves on %s", c.From, c.To, join(blocked), join(good))
	case len(blocked) > 0:
		return fmt.Sprintf("put %s and %s on a common network of their own, or set enable_icc of %s to \"true\"", c.From, c.To, join(blocked))
	case t.toService != t.to.owner:
		return fmt.Sprintf("give %s the alias %s on a common network", t.to.owner, t.toService)
	}
	return o.join(t)
}

// join puts the source on the destination's network with the fewest others on it.
func (o *Oracle) join(t trip) string {
	var best *network
	members := 0
	for _, net := range t.to.nets {
		n := 0
		for service, node := range o.model.nodes {
			if node.owner == service && node.on(net) {
				n++
			}
		}
		if net.icc && net.embeddedDNS && (best == nil || n < members) {
			best, members = net, n
		}
	}
	if best == nil || !t.from.resolves() {
		return fmt.Sprintf("put %s and %s on a common network", t.fromService, t.toService)
	}
	return fmt.Sprintf("put %s on %s", t.from.owner, best.key)
}
