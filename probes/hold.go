package probes

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Beat is one line of a hold: a nonce sent on the connection, and whether its
// answer came before the next.
type Beat struct {
	Seq      int     `json:"seq"` // from 1
	AtMS     float64 `json:"at_ms"`
	Answered bool    `json:"answered"`
	// Peer is the verified identity that answered.
	Peer string `json:"peer,omitempty"`
	// Detail says what ended the connection, or what was wrong with the answer.
	Detail string `json:"detail,omitempty"`
}

const beatInterval = 200 * time.Millisecond

// Hold keeps one TCP connection to addr and sends a nonce on it every 200 ms
// until ctx ends, writing a Beat as a line for each. A connection that can't be
// made or is lost is an error, and its last beat says so.
func Hold(ctx context.Context, addr string, key []byte, w io.Writer) error {
	start := time.Now()
	out := json.NewEncoder(w)
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return errors.Join(err, out.Encode(Beat{Seq: 1, Detail: err.Error()}))
	}
	defer conn.Close()
	defer conn.(*net.TCPConn).SetLinger(0)
	h := holder{conn: conn, key: key}
	for seq := 1; ; seq++ {
		beat := Beat{Seq: seq, AtMS: float64(time.Since(start).Microseconds()) / 1000}
		next := time.Now().Add(beatInterval)
		err := h.beat(&beat, next)
		if e := out.Encode(beat); err != nil || e != nil {
			return errors.Join(err, e)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(next)):
		}
	}
}

// holder reads the answers of one connection in the order of the questions.
type holder struct {
	conn  net.Conn
	key   []byte
	asked []nonce // whose answers have not come yet
	got   []byte
}

func (h *holder) beat(b *Beat, until time.Time) error {
	n := newNonce()
	h.asked = append(h.asked, n)
	h.conn.SetDeadline(until)
	if _, err := h.conn.Write(request(n)); err != nil {
		return h.lost(b, err)
	}
	buf := make([]byte, maxAnswer)
	for len(h.asked) > 0 {
		size := answerSize(h.got)
		if size == 0 || len(h.got) < size {
			n, err := h.conn.Read(buf)
			h.got = append(h.got, buf[:n]...)
			if err != nil && n == 0 {
				return h.lost(b, err)
			}
			continue
		}
		a, err := readAnswer(h.got[:size], h.key, h.asked[0])
		if err != nil {
			return h.lost(b, err)
		}
		h.got, h.asked = h.got[size:], h.asked[1:]
		b.Peer = a.identity
	}
	b.Answered = true
	return nil
}

// lost ends the hold, unless it is only this beat's time that is up.
func (h *holder) lost(b *Beat, err error) error {
	b.Peer = ""
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	b.Detail = err.Error()
	return err
}
