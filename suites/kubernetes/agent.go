package kubernetes

import (
	"encoding/hex"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/probes/image"
)

var probeCommand = []string{image.Entrypoint, "batch"}

func serveArguments(s podSpec) []string {
	args := []string{"serve", "--batches", "--identity", s.identity, "--instance", s.vantage}
	if len(s.ports) > 0 {
		args = append(args, "--listen", probes.FormatListeners(listeners(s.ports)))
	}
	return args
}

func listeners(ports []matrix.Port) []probes.Listener {
	var list []probes.Listener
	for _, p := range ports {
		list = append(list, probes.Listener{Protocol: string(p.Protocol), Port: p.Number})
	}
	return list
}

func agentEnvironment(key []byte) []corev1.EnvVar {
	return []corev1.EnvVar{{Name: "NETCONFORM_KEY", Value: hex.EncodeToString(key)}}
}

func joinHostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
