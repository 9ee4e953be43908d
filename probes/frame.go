package probes

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// The agent's answer to a batch is a frame of lines:
//
//	netconform-results/1 {"id":"7f","count":2}
//	{"id":1,"outcome":"open",…}
//	{"id":2,"outcome":"dropped",…}
//	netconform-end/1 {"id":"7f","count":2,"sha256":"…"}
//
// The digest is over the lines between, newlines included.
const (
	headerPrefix  = "netconform-results/1 "
	trailerPrefix = "netconform-end/1 "
	maxLine       = 1 << 20
)

type frameLine struct {
	ID     string `json:"id"`
	Count  int    `json:"count"`
	SHA256 string `json:"sha256,omitempty"`
}

// WriteBatch writes b as the agent reads it.
func WriteBatch(w io.Writer, b Batch) error {
	if err := json.NewEncoder(w).Encode(b); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	return nil
}

// ReadBatch reads one batch. It does not wait for the end of r, because not
// every exec can close the standard input.
func ReadBatch(r io.Reader) (Batch, error) {
	var b Batch
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return Batch{}, fmt.Errorf("read batch: %w", err)
	}
	if len(b.Key) < MinKey {
		return Batch{}, fmt.Errorf("read batch: a key of %d bytes; it needs %d or more", len(b.Key), MinKey)
	}
	if b.WindowMS < 0 || b.Confirm < 0 || b.InFlight < 0 {
		return Batch{}, errors.New("read batch: a negative window, confirm or in_flight")
	}
	seen := make(map[int]bool, len(b.Probes))
	for _, p := range b.Probes {
		if seen[p.ID] {
			return Batch{}, fmt.Errorf("read batch: two probes with the id %d", p.ID)
		}
		seen[p.ID] = true
	}
	return b, nil
}

// flushEvery is how long results may wait for others before they are sent: on
// its way through a cluster every write wakes five processes.
const flushEvery = 100 * time.Millisecond

// resultWriter writes the frame. Not safe for concurrent use.
type resultWriter struct {
	w      *bufio.Writer
	sent   time.Time
	id     string
	count  int
	digest hash.Hash
	err    error
}

// newResultWriter writes the header. An empty line goes before it, so that it
// begins a line even after noise that ends in none.
func newResultWriter(w io.Writer, b Batch) *resultWriter {
	r := &resultWriter{w: bufio.NewWriterSize(w, 32<<10), sent: time.Now(), id: b.ID, digest: sha256.New()}
	r.line("\n"+headerPrefix, frameLine{ID: b.ID, Count: len(b.Probes)})
	return r
}

func (r *resultWriter) write(res Result) {
	r.digest.Write(r.line("", res))
	r.count++
	if now := time.Now(); now.Sub(r.sent) >= flushEvery {
		r.sent = now
		r.flush()
	}
}

func (r *resultWriter) flush() {
	if err := r.w.Flush(); err != nil && r.err == nil {
		r.err = fmt.Errorf("write results: %w", err)
	}
}

// close writes the trailer. Without it the host throws the whole frame away.
func (r *resultWriter) close() error {
	r.line(trailerPrefix, frameLine{ID: r.id, Count: r.count, SHA256: hex.EncodeToString(r.digest.Sum(nil))})
	r.flush()
	return r.err
}

func (r *resultWriter) line(prefix string, v any) []byte {
	text, err := json.Marshal(v)
	if err == nil && r.err == nil {
		text = append(append([]byte(prefix), text...), '\n')
		_, err = r.w.Write(text)
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write results: %w", err)
	}
	return text
}

// ReadResults reads the frame that answers b and returns a result for each of
// its probes, in their order. Whatever comes before the header is skipped, and
// nothing is read on after the trailer. A frame that is not whole, or that
// answers another batch, is an error and gives no result at all.
func ReadResults(r io.Reader, b Batch) ([]Result, error) {
	results, err := readResults(bufio.NewReaderSize(r, 64<<10), b)
	if err != nil {
		return nil, fmt.Errorf("read results of batch %s: %w", b.ID, err)
	}
	return results, nil
}

func readResults(r *bufio.Reader, b Batch) ([]Result, error) {
	if err := readHeader(r, b); err != nil {
		return nil, err
	}
	place := make(map[int]int, len(b.Probes))
	for i, p := range b.Probes {
		if _, twice := place[p.ID]; twice {
			return nil, fmt.Errorf("two probes with the id %d", p.ID)
		}
		place[p.ID] = i
	}
	results, got := make([]Result, len(b.Probes)), make([]bool, len(b.Probes))
	digest, count := sha256.New(), 0
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, fmt.Errorf("after %d of %d results: %w", count, len(b.Probes), err)
		}
		if text, ok := strings.CutPrefix(string(line), trailerPrefix); ok {
			return results, checkTrailer(text, b, count, digest)
		}
		var res Result
		if err := strict(line, &res); err != nil {
			return nil, fmt.Errorf("result %d: %w", count+1, err)
		}
		i, known := place[res.ID]
		if !known || got[i] {
			return nil, fmt.Errorf("a result for the probe %d, which was not asked or is answered already", res.ID)
		}
		if res.Outcome == OutcomeOpen && res.Peer != b.Probes[i].Expect {
			return nil, fmt.Errorf("probe %d is open, but answered by %q instead of %q", res.ID, res.Peer, b.Probes[i].Expect)
		}
		results[i], got[i] = res, true
		digest.Write(line)
		count++
	}
}

func readHeader(r *bufio.Reader, b Batch) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return fmt.Errorf("before the header: %w", err)
		}
		text, ok := strings.CutPrefix(string(line), headerPrefix)
		if !ok {
			continue
		}
		var h frameLine
		if err := strict([]byte(text), &h); err != nil {
			return fmt.Errorf("header: %w", err)
		}
		if h.ID != b.ID || h.Count != len(b.Probes) {
			return fmt.Errorf("header of batch %q with %d probes; asked were %d", h.ID, h.Count, len(b.Probes))
		}
		return nil
	}
}

func checkTrailer(text string, b Batch, count int, digest hash.Hash) error {
	var t frameLine
	if err := strict([]byte(text), &t); err != nil {
		return fmt.Errorf("trailer: %w", err)
	}
	if t.ID != b.ID || t.Count != count || count != len(b.Probes) {
		return fmt.Errorf("trailer of batch %q with %d results; %d of %d came", t.ID, t.Count, count, len(b.Probes))
	}
	if t.SHA256 != hex.EncodeToString(digest.Sum(nil)) {
		return errors.New("the digest does not fit the results")
	}
	return nil
}

// readLine returns a whole line with its newline.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		case len(line) > maxLine:
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		}
	}
}

func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.InputOffset() < int64(len(bytes.TrimRight(text, "\r\n"))) {
		return errors.New("more than one value on the line")
	}
	return nil
}
