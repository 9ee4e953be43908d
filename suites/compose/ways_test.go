package compose

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

func at(network, addr, gateway string) attachment {
	return attachment{network: network, addrs: []netip.Addr{netip.MustParseAddr(addr)}, gateways: []netip.Addr{netip.MustParseAddr(gateway)}}
}

func publish(target int, protocol matrix.Protocol, ip string, port int) publication {
	return publication{target: target, protocol: protocol, hostIP: netip.MustParseAddr(ip), hostPort: port}
}

// someTopology has one member of each kind.
func someTopology() *topology {
	web := &node{name: "web", networks: []attachment{at("front", "10.1.0.2", "10.1.0.1"), at("back", "10.2.0.2", "10.2.0.1")},
		ports: []publication{publish(80, matrix.TCP, "0.0.0.0", 30080), publish(80, matrix.TCP, "::", 30080),
			publish(81, matrix.TCP, "127.0.0.1", 30081), publish(82, matrix.UDP, "10.9.9.9", 30082)}}
	m := map[string]*member{
		"web":      {name: "web", dns: "web", node: web},
		"side":     {name: "side", dns: "sidecar", node: web},
		"db":       {name: "db", dns: "postgres", node: &node{name: "postgres", networks: []attachment{at("back", "10.2.0.3", "10.2.0.1")}}},
		"hosted":   {name: "hosted", dns: "hosted", node: &node{name: "hosted", mode: "host"}},
		"quiet":    {name: "quiet", dns: "quiet", node: &node{name: "quiet", mode: "none"}},
		"gone":     {name: "gone", skip: "no Compose service stands for gone"},
		"internet": {name: "internet", kind: destination, node: &node{networks: []attachment{at("outside", "198.18.0.2", "198.18.0.1")}}},
		"clients":  {name: "clients", kind: outsider, node: &node{networks: []attachment{at("outside", "198.18.0.6", "198.18.0.5")}}},
		"near":     {name: "near", kind: onHost, node: &node{mode: "host"}},
	}
	return &topology{members: m, host: []netip.Addr{netip.MustParseAddr("10.9.9.1")}}
}

func shown(paths []suites.Path) string {
	var lines []string
	for _, p := range paths {
		required := ""
		if p.Required {
			required = " !"
		}
		lines = append(lines, fmt.Sprintf("%s %s:%d%s", p.Route, p.Host, p.Port, required))
	}
	return strings.Join(lines, "\n")
}

func TestWays(t *testing.T) {
	for _, test := range []struct {
		from, to string
		port     int
		protocol matrix.Protocol
		want     string
	}{
		{"db", "web", 80, matrix.TCP, `name web:80 !
address 10.1.0.2:80
address 10.2.0.2:80
published 10.2.0.1:30080
published 10.1.0.1:30080
published 10.9.9.1:30080`},
		{"db", "web", 81, matrix.TCP, `name web:81 !
address 10.1.0.2:81
address 10.2.0.2:81
published 10.2.0.1:30081
published 10.1.0.1:30081
published 10.9.9.1:30081`},
		{"db", "web", 82, matrix.UDP, `name web:82 !
address 10.1.0.2:82
address 10.2.0.2:82
published 10.2.0.1:30082
published 10.1.0.1:30082
published 10.9.9.1:30082
published 10.9.9.9:30082`},
		{"db", "web", 80, matrix.UDP, "name web:80 !\naddress 10.1.0.2:80\naddress 10.2.0.2:80"},
		{"web", "db", 5432, matrix.TCP, "name postgres:5432 !\naddress 10.2.0.3:5432"},
		{"web", "db", 0, matrix.DNS, "lookup postgres:0 !"},
		{"web", "side", 9000, matrix.TCP, "name sidecar:9000 !\naddress 127.0.0.1:9000\naddress 10.1.0.2:9000\naddress 10.2.0.2:9000"},
		{"db", "hosted", 7000, matrix.TCP, "name hosted:7000 !\naddress 10.2.0.1:7000\naddress 10.9.9.1:7000"},
		{"hosted", "db", 5432, matrix.TCP, "address 10.2.0.3:5432 !"},
		{"quiet", "db", 5432, matrix.TCP, "address 10.2.0.3:5432 !"},
		{"db", "internet", 443, matrix.TCP, "address 198.18.0.2:443 !"},
		{"clients", "web", 80, matrix.TCP, "published 198.18.0.5:30080 !\naddress 10.1.0.2:80\naddress 10.2.0.2:80"},
		{"clients", "web", 81, matrix.TCP, "published 198.18.0.5:30081\naddress 10.1.0.2:81 !\naddress 10.2.0.2:81 !"},
		{"clients", "web", 82, matrix.UDP, "published 10.9.9.9:30082 !\naddress 10.1.0.2:82\naddress 10.2.0.2:82"},
		{"clients", "db", 5432, matrix.TCP, "address 10.2.0.3:5432 !"},
		{"clients", "hosted", 7000, matrix.TCP, "published 198.18.0.5:7000 !"},
		{"near", "web", 80, matrix.TCP, "published 10.1.0.1:30080 !\npublished 10.2.0.1:30080\npublished 10.9.9.1:30080"},
	} {
		c := matrix.Case{From: test.from, To: test.to, Port: test.port, Protocol: test.protocol}
		w := someTopology().ways(c)
		assert.Equal(t, test.want, shown(w.Paths), c.Key())
		assert.Empty(t, w.Skip, c.Key())
		for _, p := range w.Paths {
			assert.Equal(t, test.from, p.From)
			assert.Equal(t, test.to, p.To)
		}
	}
}

// Each deny needs a control that leaves from the destination; each lookup one
// that leaves from the source.
func TestWaysHaveControls(t *testing.T) {
	w := someTopology().ways(matrix.Case{From: "db", To: "web", Port: 80, Protocol: matrix.TCP})
	assert.Equal(t, "address 10.1.0.2:80\naddress 10.2.0.2:80\nlookup postgres:0", shown(w.Controls))
	for _, c := range w.Controls {
		assert.Equal(t, c.From, c.To)
	}
	dns := someTopology().ways(matrix.Case{From: "side", To: "db", Protocol: matrix.DNS})
	assert.Equal(t, "lookup web:0", shown(dns.Controls), "of a shared namespace the owner's name is known")
	none := someTopology().ways(matrix.Case{From: "quiet", To: "db", Port: 5432, Protocol: matrix.TCP})
	assert.Equal(t, "address 10.2.0.3:5432", shown(none.Controls))
	outside := someTopology().ways(matrix.Case{From: "clients", To: "web", Port: 80, Protocol: matrix.TCP})
	assert.Equal(t, "address 10.1.0.2:80\naddress 10.2.0.2:80", shown(outside.Controls))
}

func TestWaysSkip(t *testing.T) {
	for _, test := range []struct {
		from, to string
		protocol matrix.Protocol
		why      string
	}{
		{"db", "gone", matrix.TCP, "no Compose service stands for gone"},
		{"gone", "db", matrix.TCP, "no Compose service stands for gone"},
		{"db", "quiet", matrix.TCP, "no address that could be tried"},
		{"clients", "quiet", matrix.TCP, "no address that could be tried"},
		{"hosted", "db", matrix.DNS, "the engine's DNS serves no lookups"},
		{"near", "db", matrix.TCP, "no port of db is published"},
	} {
		w := someTopology().ways(matrix.Case{From: test.from, To: test.to, Port: 5432, Protocol: test.protocol})
		assert.Contains(t, w.Skip, test.why)
		assert.Empty(t, w.Paths)
		assert.Empty(t, w.Controls)
	}
}
