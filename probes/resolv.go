package probes

import (
	"bufio"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// resolvConf is what resolv.conf(5) says, with glibc's defaults and limits.
type resolvConf struct {
	servers []string // host:port
	search  []string // without a dot at the end
	ndots   int
}

func readResolvConf(file string) (resolvConf, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return resolvConf{}, err
	}
	return parseResolvConf(string(text)), nil
}

func parseResolvConf(text string) resolvConf {
	c := resolvConf{ndots: 1}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") || strings.HasPrefix(fields[0], ";") {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(fields[1]); err == nil && len(c.servers) < 3 { // MAXNS
				c.servers = append(c.servers, netip.AddrPortFrom(a, 53).String())
			}
		case "domain", "search": // the last one counts
			c.search = nil
			for _, s := range fields[1:] {
				if s = strings.TrimSuffix(s, "."); s != "" {
					c.search = append(c.search, s)
				}
			}
		case "options":
			for _, o := range fields[1:] {
				if n, ok := strings.CutPrefix(o, "ndots:"); ok {
					if v, err := strconv.Atoi(n); err == nil && v >= 0 {
						c.ndots = min(v, 15) // RES_MAXNDOTS
					}
				}
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1:53"}
	}
	return c
}

// candidates are the absolute names to ask for, in order, as glibc's
// res_search does: with fewer dots than ndots the search list comes first.
func (c resolvConf) candidates(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	var searched []string
	for _, s := range c.search {
		searched = append(searched, name+"."+s+".")
	}
	if strings.Count(name, ".") >= c.ndots {
		return append([]string{name + "."}, searched...)
	}
	return append(searched, name+".")
}

// hostsFile returns the addresses that a hosts(5) file has for name, IPv4
// first, as getaddrinfo does where both are reachable.
func hostsFile(file, name string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	name = strings.TrimSuffix(name, ".")
	var v4, v6 []string
	for s := bufio.NewScanner(f); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(strings.TrimSuffix(alias, "."), name) {
				if a = a.Unmap(); a.Is4() {
					v4 = append(v4, a.String())
				} else {
					v6 = append(v6, a.String())
				}
				break
			}
		}
	}
	return append(v4, v6...)
}

// validName reports whether a name can be put into a query: labels of 1 to 63
// bytes, 253 in all (RFC 1035, 2.3.4).
func validName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 || strings.ContainsAny(name, " \t\r\n/:%\x00") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}
