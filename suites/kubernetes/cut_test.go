package kubernetes_test

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// cutter passes connections on to the API server, and can cut them all.
type cutter struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	total int
}

func (c *cutter) serve(listener net.Listener, to string) {
	for {
		in, err := listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			in.Close()
			continue
		}
		c.mu.Lock()
		c.conns[in], c.conns[out] = true, true
		c.total++
		c.mu.Unlock()
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
				c.mu.Lock()
				delete(c.conns, pair[0])
				c.mu.Unlock()
			}()
		}
	}
}

func (c *cutter) cut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.conns)
	for conn := range c.conns {
		conn.Close()
	}
	return n
}

// through writes a kubeconfig that leads through the cutter.
func (c *cutter) through(t *testing.T) string {
	t.Helper()
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := rules.Load()
	require.NoError(t, err)
	require.NoError(t, clientcmdapi.FlattenConfig(config))
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close(); c.cut() })
	go c.serve(listener, server.Host)
	cluster.Server, cluster.TLSServerName = "https://"+listener.Addr().String(), server.Hostname()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	return file
}

// All connections to the API server are cut three times while agents probe:
// lost answers are asked for again, and none is taken for a verdict.
func TestExecCut(t *testing.T) {
	needCluster(t)
	c := &cutter{conns: map[net.Conn]bool{}}
	o := options()
	o.Kubeconfig = c.through(t)
	var once sync.Once
	var cut atomic.Int64
	run := meddleWith(t, meddler{probing: func(string) {
		once.Do(func() {
			for i := range 3 {
				time.AfterFunc(time.Duration(100+400*i)*time.Millisecond, func() { cut.Add(int64(c.cut())) })
			}
		})
	}}, o)
	assert.NotZero(t, cut.Load())
	assert.NotZero(t, run.Summary.Conforms)
}
