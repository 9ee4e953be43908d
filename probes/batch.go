package probes

// Protocols of a probe.
const (
	TCP  = "tcp"
	UDP  = "udp"
	SCTP = "sctp"
	DNS  = "dns"
)

// Probe is one question of a batch.
type Probe struct {
	// ID tells results apart; unique within the batch.
	ID int `json:"id"`
	// Protocol is TCP, UDP, SCTP or DNS.
	Protocol string `json:"protocol"`
	// Host is an IP address literal, or a name that the agent resolves itself
	// with the container's resolver. For DNS it is the name to look up.
	Host string `json:"host"`
	// Port is the destination port; 0 for DNS.
	Port int `json:"port,omitempty"`
	// Expect is the identity that must answer; unused for DNS.
	Expect string `json:"expect,omitempty"`
	// Once asks once in a window instead of three times: for what was asked, or
	// will be asked, three times in another batch.
	Once bool `json:"once,omitempty"`
}

// Batch is what an agent does at one request.
type Batch struct {
	// ID is echoed in the answer's frame, so that answers can't be mixed up.
	ID string `json:"id"`
	// Key verifies the listeners' signatures; the run's secret.
	Key []byte `json:"key"`
	// WindowMS is how long one attempt waits for an answer, in milliseconds; 0 means 1000.
	WindowMS int `json:"window_ms,omitempty"`
	// Confirm repeats a silent probe this many times before it is called
	// dropped; 0 means no repetition.
	Confirm int `json:"confirm,omitempty"`
	// InFlight bounds the probes under way at once; 0 means what the limits of
	// descriptors allow, at most 2000.
	InFlight int `json:"in_flight,omitempty"`
	// Last ends the agent once it has answered, also one that serves.
	Last   bool    `json:"last,omitempty"`
	Probes []Probe `json:"probes"`
}

// Result answers the probe with the same ID.
type Result struct {
	ID      int     `json:"id"`
	Outcome Outcome `json:"outcome"`
	// Address is the IP address that the outcome is about.
	Address string `json:"address,omitempty"`
	// Peer is the verified identity that answered.
	Peer string `json:"peer,omitempty"`
	// Seen is the source address that the listener saw.
	Seen string `json:"seen,omitempty"`
	// Errno is the symbolic error of the system call, such as "ECONNREFUSED".
	Errno string `json:"errno,omitempty"`
	// ICMP is the error message that ended the probe (IP_RECVERR), where there was one.
	ICMP *ICMP `json:"icmp,omitempty"`
	// DNS is the lookup behind a DNS probe, or behind a Host that is a name.
	DNS *Lookup `json:"dns,omitempty"`
	// Attempts counts what was sent until the outcome stood.
	Attempts int `json:"attempts,omitempty"`
	// ElapsedMS is the time from the first packet to the outcome, in milliseconds.
	ElapsedMS float64 `json:"elapsed_ms"`
	// Detail says in words what the other fields can't.
	Detail string `json:"detail,omitempty"`
}

// ICMP is an ICMP or ICMPv6 error message and who sent it.
type ICMP struct {
	Type     int    `json:"type"`
	Code     int    `json:"code"`
	Offender string `json:"offender,omitempty"`
}

// Lookup is what a resolver said.
type Lookup struct {
	// Status is one of "answer", "nodata", "nxdomain", "servfail", "refused",
	// "timeout", or "error" where the tool failed.
	Status string `json:"status"`
	// Name is the absolute name that the status is about, after the search path.
	Name string `json:"name,omitempty"`
	// Server is the resolver's address.
	Server string `json:"server,omitempty"`
	// Transport is "udp" or "tcp".
	Transport string `json:"transport,omitempty"`
	// Addresses are the answer's A and AAAA records, in its order.
	Addresses []string `json:"addresses,omitempty"`
}
