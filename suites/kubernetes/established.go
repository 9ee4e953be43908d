package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/probes/image"
)

const (
	// holdStart is how long a held connection may take to get its first answer.
	holdStart = 5 * time.Second
	// lastBeats is how many of the last answers decide (a beat each 200 ms).
	lastBeats = 3
)

// hold is a connection that was open before the policies came, and that they forbid.
type hold struct {
	source, target *livePod
	port           int
	via            string
	end            func()
	ended          chan struct{}
	first          chan struct{} // closed by the first answer

	mu    sync.Mutex
	rest  []byte
	beats []probes.Beat
}

// startHolds opens connections of a case that the matrix and the manifests
// forbid: to the destination on the source's own node, and to the other node.
// What becomes of them is the cluster's behaviour and no verdict.
func (d *deployment) startHolds(ctx context.Context) {
	c, ok := d.forbidden()
	if !ok {
		return
	}
	source, targets := d.instances(c.From)[0], d.instances(c.To)
	port, _ := d.layout.find(c.To).PodPort(c.Port, c.Protocol)
	for _, target := range targets {
		h := &hold{source: source, target: target, port: port, via: between(source, target),
			ended: make(chan struct{}), first: make(chan struct{})}
		life, end := context.WithCancel(d.life)
		stdin, open := io.Pipe() // never written: the agent holds on until it is closed
		h.end = func() {
			end()
			open.Close()
		}
		go func() {
			defer close(h.ended)
			_ = d.cluster.exec(life, source.namespace, source.name,
				[]string{image.Entrypoint, "hold", joinHostPort(target.addresses[0], port)}, stdin, h)
		}()
		d.holds = append(d.holds, h)
	}
	for _, h := range d.holds {
		select {
		case <-h.first:
		case <-h.ended:
		case <-time.After(holdStart):
		case <-ctx.Done():
		}
	}
}

// forbidden is the first TCP case between stand-ins that must become closed.
func (d *deployment) forbidden() (matrix.Case, bool) {
	for _, c := range d.cases {
		from, to := d.layout.find(c.From), d.layout.find(c.To)
		if c.Expected != matrix.Deny || c.Protocol != matrix.TCP || from == nil || to == nil || from.HostNetwork || to.HostNetwork {
			continue
		}
		if _, known := to.PodPort(c.Port, c.Protocol); known && d.Predict(c).Verdict == matrix.Deny {
			return c, true
		}
	}
	return matrix.Case{}, false
}

// finishHolds says what became of the connections whose like can no longer be made.
func (d *deployment) finishHolds(ctx context.Context) {
	if len(d.holds) == 0 {
		return
	}
	b := probes.Batch{ID: d.id + "-hold", Key: d.key, WindowMS: 1000}
	for i, h := range d.holds {
		b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: probes.TCP, Host: h.target.addresses[0], Port: h.port, Expect: h.target.identity})
	}
	results, err := d.probeOnce(ctx, d.holds[0].source, b)
	var said []string
	for i, h := range d.holds {
		survived, known := h.survived()
		h.end()
		if err != nil || results[i].Outcome != probes.OutcomeDropped && results[i].Outcome != probes.OutcomeRejected || !known {
			continue
		}
		word := "no"
		if survived {
			word = "yes"
		}
		said = append(said, word+" on the "+h.via)
	}
	d.holds = nil
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(said) > 0 {
		d.established = strings.Join(said, ", ")
	}
}

// Write takes the agent's lines.
func (h *hold) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rest = append(h.rest, p...)
	for {
		line, rest, whole := bytes.Cut(h.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		h.rest = rest
		var b probes.Beat
		if json.Unmarshal(line, &b) != nil {
			continue
		}
		h.beats = append(h.beats, b)
		if b.Answered && len(h.beats) == 1 {
			close(h.first)
		}
	}
}

// survived is whether the last questions were answered; unknown where they
// differ, or where the transport ended before the connection did.
func (h *hold) survived() (survived, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.beats) <= lastBeats || !h.beats[0].Answered {
		return false, false
	}
	last := h.beats[len(h.beats)-lastBeats:]
	for _, b := range last[1:] {
		if b.Answered != last[0].Answered {
			return false, false
		}
	}
	return last[0].Answered, true
}
