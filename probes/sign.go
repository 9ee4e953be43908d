package probes

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The exchange between a probe and a stand-in, the same over TCP, UDP and SCTP:
//
//	request = "NCQ1" nonce[16]
//	answer  = "NCA1" length[2] body[length] mac[32]
//	body    = string(identity) string(instance) string(protocol) port[2] string(seen)
//	mac     = HMAC-SHA256(key, "netconform-answer/1" nonce body)
//
// A string has its length in one byte before it, so that no two bodies have
// the same bytes. Numbers are big-endian.
const (
	requestMagic = "NCQ1"
	answerMagic  = "NCA1"
	macContext   = "netconform-answer/1"
	requestSize  = len(requestMagic) + len(nonce{})
	answerHead   = len(answerMagic) + 2
	maxBody      = 1024
	maxAnswer    = answerHead + maxBody + sha256.Size
)

// MinKey is the least length of a run's key, in bytes.
const MinKey = 16

type nonce [16]byte

func newNonce() (n nonce) {
	rand.Read(n[:]) // never fails (crypto/rand since Go 1.24)
	return n
}

func request(n nonce) []byte { return append([]byte(requestMagic), n[:]...) }

// readRequest takes the nonce out of a request.
func readRequest(b []byte) (n nonce, ok bool) {
	if len(b) != requestSize || string(b[:len(requestMagic)]) != requestMagic {
		return n, false
	}
	copy(n[:], b[len(requestMagic):])
	return n, true
}

// answer is what a stand-in says of itself.
type answer struct {
	identity, instance string
	protocol           string
	port               uint16
	seen               string // the source address that the listener saw
}

func (a answer) body() []byte {
	b := make([]byte, 0, 64)
	for _, s := range []string{a.identity, a.instance, a.protocol} {
		b = appendString(b, s)
	}
	b = binary.BigEndian.AppendUint16(b, a.port)
	return appendString(b, a.seen)
}

// sign encodes the answer to the request with nonce n.
func (a answer) sign(key []byte, n nonce) []byte {
	body := a.body()
	out := append(make([]byte, 0, answerHead+len(body)+sha256.Size), answerMagic...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	out = append(out, body...)
	return append(out, mac(key, n, body)...)
}

func mac(key []byte, n nonce, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(macContext))
	h.Write(n[:])
	h.Write(body)
	return h.Sum(nil)
}

var (
	errIncomplete = errors.New("the answer was cut off")
	errForeign    = errors.New("something else than a stand-in answered")
	errSignature  = errors.New("the answer's signature is not of this run")
)

// readAnswer verifies the answer to nonce n. errIncomplete means that more
// bytes may make it whole; every other error is final.
func readAnswer(b, key []byte, n nonce) (answer, error) {
	if head := min(len(b), len(answerMagic)); string(b[:head]) != answerMagic[:head] {
		return answer{}, errForeign
	}
	if len(b) < answerHead {
		return answer{}, errIncomplete
	}
	size := int(binary.BigEndian.Uint16(b[len(answerMagic):]))
	if size > maxBody {
		return answer{}, errForeign
	}
	whole := answerHead + size + sha256.Size
	if len(b) < whole {
		return answer{}, errIncomplete
	}
	if len(b) > whole {
		return answer{}, errForeign
	}
	body := b[answerHead : answerHead+size]
	if !hmac.Equal(mac(key, n, body), b[answerHead+size:]) {
		return answer{}, errSignature
	}
	return parseBody(body)
}

func parseBody(b []byte) (a answer, err error) {
	take := func() (s string) {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			err = fmt.Errorf("a signed answer is malformed: %w", errForeign)
			return ""
		}
		s, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
		return s
	}
	a.identity, a.instance, a.protocol = take(), take(), take()
	if err != nil || len(b) < 2 {
		return answer{}, errForeign
	}
	a.port, b = binary.BigEndian.Uint16(b), b[2:]
	a.seen = take()
	if err != nil || len(b) != 0 {
		return answer{}, errForeign
	}
	return a, nil
}

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}

// judge turns a verified or failed answer into the result of a probe that expects want.
func judge(a answer, err error, want string) Result {
	switch {
	case err != nil:
		return Result{Outcome: OutcomeOpenUnverified, Detail: err.Error()}
	case a.identity != want:
		return Result{Outcome: OutcomeWrongPeer, Peer: a.identity, Seen: a.seen, Detail: a.where()}
	}
	return Result{Outcome: OutcomeOpen, Peer: a.identity, Seen: a.seen, Detail: a.where()}
}

// where names the instance and the listener, since a port may be mapped on the way.
func (a answer) where() string {
	s := fmt.Sprintf("answered by %s/%d", a.protocol, a.port)
	if a.instance != "" {
		s += " of " + a.instance
	}
	return s
}

// answerSize is the size of the answer that b begins with, or 0 while it can't
// be told. What is no answer at all has the size that readAnswer refuses it with.
func answerSize(b []byte) int {
	if len(b) < answerHead {
		return 0
	}
	return answerHead + min(int(binary.BigEndian.Uint16(b[len(answerMagic):])), maxBody) + sha256.Size
}
