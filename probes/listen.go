package probes

import (
	"fmt"
	"strconv"
	"strings"
)

// Listener is a port that a stand-in listens on.
type Listener struct {
	Protocol string // TCP, UDP or SCTP
	Port     int
}

func (l Listener) String() string { return fmt.Sprintf("%s/%d", l.Protocol, l.Port) }

// ParseListeners reads a list such as "tcp/5432,udp/53". An empty text is an
// empty list: a service that listens on nothing.
func ParseListeners(text string) ([]Listener, error) {
	var out []Listener
	seen := map[Listener]bool{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		protocol, number, ok := strings.Cut(item, "/")
		port, err := strconv.Atoi(number)
		if !ok || err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("listener %q: it must be like tcp/5432, with a port between 1 and 65535", item)
		}
		if protocol != TCP && protocol != UDP && protocol != SCTP {
			return nil, fmt.Errorf("listener %q: the protocol must be tcp, udp or sctp", item)
		}
		l := Listener{protocol, port}
		if !seen[l] {
			seen[l] = true
			out = append(out, l)
		}
	}
	return out, nil
}

// FormatListeners is the inverse of ParseListeners.
func FormatListeners(list []Listener) string {
	var items []string
	for _, l := range list {
		items = append(items, l.String())
	}
	return strings.Join(items, ",")
}
