package suites

import (
	"io/fs"

	"github.com/netconform/netconform/matrix"
)

// Suite is a matrix with its targets, as its file says.
//
//	suite: pmoves
//	matrix: pmoves.matrix.yaml      # relative to this file
//	compose:
//	  files: [compose.yaml]
//	  profiles: ["*"]
//	kubernetes:
//	  manifests: [policies/]
//	  namespace: pmoves
//	accept:
//	  - pattern: reverse-of-allow
//	    on: [compose]
//	    reason: bridge networks have no direction
type Suite struct {
	Name string
	// File is the suite file as people write it; its folder is Dir in FS.
	File string
	// FS holds the suite's files, and Dir is the suite file's folder in it: the
	// machine's own files, or the bundled ones. Path returns what tools need on disk.
	FS  fs.FS
	Dir string
	// Root is the folder on disk that FS shows; empty for a bundled suite.
	Root string

	Matrix     *matrix.Matrix
	Compose    *ComposeTarget
	Kubernetes *KubernetesTarget
	Accept     []Accept
}

// ComposeTarget names the user's Compose files.
type ComposeTarget struct {
	Files    []string          `yaml:"files"`    // relative to the suite file; at least one
	Profiles []string          `yaml:"profiles"` // default: all ("*")
	Env      map[string]string `yaml:"env"`      // for interpolation, beside the process's environment
	// Services maps a service of the matrix to the Compose service of another name.
	Services map[string]string `yaml:"services"`
	Pos      matrix.Pos        `yaml:"-"`
}

// KubernetesTarget names the user's manifests and where services without a workload go.
type KubernetesTarget struct {
	// Manifests are files, folders and kustomizations, relative to the suite file.
	Manifests []string `yaml:"manifests"`
	// Namespace is where a service without a workload is placed; default "default".
	Namespace string `yaml:"namespace"`
	// Namespaces are the labels of namespaces beside what the manifests say.
	Namespaces map[string]map[string]string `yaml:"namespaces"`
	// TierLabel is the label that carries a service's tier; default "tier".
	// "-" sets none.
	TierLabel string `yaml:"tier-label"`
	// Tiers maps a tier of the matrix to the label's value, where they differ.
	Tiers map[string]string `yaml:"tiers"`
	// Services places single services.
	Services map[string]Placement `yaml:"services"`
	Pos      matrix.Pos           `yaml:"-"`
}

// Placement is where a service's stand-in runs on Kubernetes.
type Placement struct {
	Workload  string            `yaml:"workload"`  // name of the workload in the manifests, "namespace/name" or "name"
	Namespace string            `yaml:"namespace"` // default: the target's
	Labels    map[string]string `yaml:"labels"`    // added to app=<service> and the tier label
	Service   string            `yaml:"service"`   // name of the Kubernetes Service; default: the service's
}

// Accept is an accepted deviation: a violation that does not fail the run.
// It is strict: one that no longer occurs, or has expired, does fail it.
type Accept struct {
	From     []string   `yaml:"from"` // services, tiers, groups, externals or "*"
	To       []string   `yaml:"to"`
	Port     int        `yaml:"port"`     // 0: any
	Protocol string     `yaml:"protocol"` // empty: any
	Pattern  string     `yaml:"pattern"`  // "reverse-of-allow", instead of from and to
	On       []string   `yaml:"on"`       // platforms; empty: all
	Reason   string     `yaml:"reason"`   // must say why
	Expires  string     `yaml:"expires"`  // YYYY-MM-DD; the run fails from that day on
	Pos      matrix.Pos `yaml:"-"`
}
