package probes

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// RunBatch does what b asks and writes the framed results to w as they come.
// An error means that the frame is not whole.
func RunBatch(ctx context.Context, b Batch, w io.Writer) error {
	return newRunner(b).run(ctx, w)
}

// runner is one execution of a batch.
type runner struct {
	batch    Batch
	resolver *resolver
	rate     *bucket

	slots  chan struct{} // bounds the lookups under way
	engine *engine
	out    chan Result

	listed map[destination]*listedFlow // complete once sort returns
	mu     sync.Mutex                  // of what they hold
}

// destination is where a flow leads, and who is to answer there.
type destination struct {
	protocol string
	addr     netip.AddrPort
	expect   string
}

// listedFlow is that of a probe by address. A name that leads to the same
// place needs no other: its packets would be the same.
type listedFlow struct {
	done    bool
	result  Result
	waiting []func(Result) // of names
}

// lookupsInFlight bounds the names that are looked up at once. Docker's own
// resolver forwards at most 100 queries at a time (maxConcurrent in libnetwork's
// resolver), and a lookup has two under way.
const lookupsInFlight = 32

func newRunner(b Batch) *runner {
	return &runner{
		batch: b, resolver: systemResolver(b.window(), b.Confirm),
		rate:  newBucket(conntrackMax(conntrackDir), time.Now()),
		slots: make(chan struct{}, lookupsInFlight),
		// Nobody who sends a result ever waits for the reader of the output.
		out:    make(chan Result, len(b.Probes)),
		listed: map[destination]*listedFlow{},
	}
}

func (r *runner) run(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e, err := newEngine(r.batch, inFlight(r.batch.InFlight, raiseDescriptors()), r.rate)
	if err != nil {
		return fmt.Errorf("run batch %s: %w", r.batch.ID, err)
	}
	defer e.free()
	r.engine = e

	go func() {
		r.begin(ctx, r.sort())
		e.close()
	}()
	ended := make(chan error, 1)
	go func() { ended <- e.loop(ctx) }()

	frame := newResultWriter(w, r.batch)
	for range r.batch.Probes {
		select {
		case res := <-r.out:
			frame.write(res)
			if frame.err != nil {
				cancel()
				<-ended
				return frame.err
			}
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("run batch %s: %w", r.batch.ID, err)
			}
			ended <- nil // done: what is left lies in out, or comes from a lookup
			select {
			case res := <-r.out:
				frame.write(res)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	cancel()
	<-ended
	return frame.close()
}

// begin begins the groups, and returns when nothing but flows is under way.
func (r *runner) begin(ctx context.Context, groups [][]Probe) {
	var names sync.WaitGroup
	for _, probes := range groups {
		if addr, err := netip.ParseAddr(probes[0].Host); err == nil && probes[0].Protocol != DNS {
			r.try(probes[0], []netip.Addr{addr.Unmap()}, nil)
			continue
		}
		names.Go(func() { r.named(ctx, probes) })
	}
	names.Wait()
}

// sort answers what is no probe, and returns the others: those of a name
// together. A lookup is what a resolver bears least of, so that a DNS probe and
// those of the name's ports share one.
func (r *runner) sort() [][]Probe {
	var groups [][]Probe
	index := map[string]int{}
	for _, p := range r.batch.Probes {
		addr, fault := checkProbe(p)
		i, known := index[p.Host]
		switch {
		case fault != "":
			r.out <- Result{ID: p.ID, Detail: fault}
		case addr.IsValid():
			r.listed[destination{p.Protocol, netip.AddrPortFrom(addr, uint16(p.Port)), p.Expect}] = &listedFlow{}
			groups = append(groups, []Probe{p})
		case known:
			groups[i] = append(groups[i], p)
		default:
			index[p.Host] = len(groups)
			groups = append(groups, []Probe{p})
		}
	}
	return groups
}

// checkProbe returns the address that the probe's host is, if it is one, or
// what is wrong with the probe.
func checkProbe(p Probe) (addr netip.Addr, fault string) {
	switch p.Protocol {
	case DNS:
		if !validName(p.Host) {
			return addr, fmt.Sprintf("the name %q can't be looked up", p.Host)
		}
		return addr, ""
	case TCP, UDP, SCTP:
	default:
		return addr, fmt.Sprintf("unknown protocol %q", p.Protocol)
	}
	if p.Port < 1 || p.Port > 65535 {
		return addr, fmt.Sprintf("port %d is not between 1 and 65535", p.Port)
	}
	addr, err := netip.ParseAddr(p.Host)
	switch {
	case err == nil && addr.Zone() != "":
		return netip.Addr{}, fmt.Sprintf("the address %s has a zone", p.Host)
	case err == nil && addr.IsUnspecified():
		return netip.Addr{}, fmt.Sprintf("the address %s is nobody's", p.Host)
	case err == nil:
		return addr.Unmap(), ""
	case strings.Trim(p.Host, "0123456789.") == "" || !validName(p.Host):
		return addr, fmt.Sprintf("the host %q is no address and no name", p.Host)
	}
	return addr, ""
}

// named looks a name up and goes on with the probes that need it. Only an
// application's lookup takes the hosts file into account.
func (r *runner) named(ctx context.Context, probes []Probe) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	start := time.Now()
	hosts, listed := r.resolver.inHosts(probes[0].Host)
	var l Lookup
	var why string
	if !listed || slices.ContainsFunc(probes, func(p Probe) bool { return p.Protocol == DNS }) {
		l, why = r.resolver.lookup(ctx, probes[0].Host)
	}
	<-r.slots
	took := float64(time.Since(start).Microseconds()) / 1000
	for _, p := range probes {
		found, text := l, why
		if listed && p.Protocol != DNS {
			found, text = hosts, ""
		}
		if addrs := addresses(found); p.Protocol == DNS || len(addrs) == 0 {
			r.out <- Result{ID: p.ID, Outcome: lookupOutcome(found, p.Protocol), DNS: &found, Attempts: 1, Detail: text, ElapsedMS: took}
		} else {
			r.try(p, addrs, &found)
		}
	}
}

func addresses(l Lookup) []netip.Addr {
	var out []netip.Addr
	for _, s := range l.Addresses {
		if a, err := netip.ParseAddr(s); err == nil && !a.IsUnspecified() {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// try probes one address after the other as an application does: it stays with
// the first that accepts. When none does, the first address's outcome counts.
func (r *runner) try(p Probe, addrs []netip.Addr, l *Lookup) {
	var first Result
	var others []string
	var next func(i int)
	next = func(i int) {
		r.reach(destination{p.Protocol, netip.AddrPortFrom(addrs[i], uint16(p.Port)), p.Expect}, l != nil, p.Once,
			func(res Result) {
				accepted := res.Outcome == OutcomeOpen || res.Outcome == OutcomeOpenUnverified || res.Outcome == OutcomeWrongPeer
				if i == 0 {
					first = res
				} else {
					others = append(others, fmt.Sprintf("%s %s", res.Address, res.Outcome))
				}
				if !accepted && i+1 < len(addrs) {
					next(i + 1)
					return
				}
				if accepted && i > 0 {
					others = append([]string{fmt.Sprintf("%s %s", first.Address, first.Outcome)}, others[:len(others)-1]...)
					first = res
				}
				first.ID, first.DNS = p.ID, l
				if len(others) > 0 {
					first.Detail = strings.Join(append(nonEmpty(first.Detail), others...), "; ")
				}
				r.out <- first
			})
	}
	next(0)
}

// reach finds out who answers there. byName joins the flow of a probe by address.
func (r *runner) reach(to destination, byName, once bool, finish func(Result)) {
	l := r.listed[to]
	if byName && l != nil {
		r.mu.Lock()
		done := l.done
		if !done {
			l.waiting = append(l.waiting, finish)
		}
		r.mu.Unlock()
		if done {
			finish(l.result)
		}
		return
	}
	r.engine.submit(&flow{protocol: to.protocol, dst: to.addr, expect: to.expect, once: once, finish: func(res Result) {
		finish(res)
		if l == nil {
			return
		}
		r.mu.Lock()
		first := !l.done
		l.done, l.result = true, res
		r.mu.Unlock()
		if first {
			for _, f := range l.waiting {
				f(res)
			}
		}
	}})
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
