package probes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListenersAreParsed(t *testing.T) {
	got, err := ParseListeners("tcp/5432, udp/53,tcp/5432,sctp/7")
	require.NoError(t, err)
	assert.Equal(t, []Listener{{TCP, 5432}, {UDP, 53}, {SCTP, 7}}, got)
	assert.Equal(t, "tcp/5432,udp/53,sctp/7", FormatListeners(got))
	got, err = ParseListeners("")
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestBadListenersAreErrors(t *testing.T) {
	for _, text := range []string{"5432", "tcp/", "tcp/0", "tcp/65536", "tcp/-1", "dns/53", "TCP/80", "tcp/80-90", "tcp/80/udp"} {
		_, err := ParseListeners(text)
		assert.ErrorContains(t, err, "listener", "%s", text)
	}
}
