package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// Roles of pods.
const (
	roleStandIn  = "stand-in"
	roleSubject  = "canary"   // the canary's policies select it
	rolePeer     = "peer"     // no policy selects it
	roleHost     = "host"     // on a host's network: where clients come from
	roleInternet = "internet" // on a host's network: the outside world
)

const (
	containerName = "agent"
	// createAtOnce bounds the requests under way that make objects.
	createAtOnce = 32
	// closeLimit bounds the removal of what a failed Deploy made.
	closeLimit = time.Minute
)

// run is what everything that the run makes is made from.
type run struct {
	id     string
	key    []byte
	owner  owner
	suite  string
	image  agentImage
	notify func(string, ...any)
}

// deployment is a suite on a cluster. Its maps are complete when Deploy returns.
type deployment struct {
	*run
	options Options
	cluster *cluster
	layout  *layout
	version *version.Info
	nodes   []corev1.Node // those with stand-ins
	all     []corev1.Node // those that are ready

	pods     map[string]*livePod   // by vantage
	order    []string              // vantages in the order of their making
	services map[string]*liveNames // by service of the matrix
	policies []livePolicy          // once Enforce has applied them
	execs    chan struct{}

	life        context.Context // ends with Close
	end         context.CancelFunc
	canary      chan error // the canary's verdict, once
	noSCTP      string     // why cases over SCTP are skipped
	dismiss     func()     // ends the watchdog
	factsOnce   sync.Once
	facts       []suites.Fact
	oracleOnce  sync.Once
	oracle      suites.Predictor
	cases       []matrix.Case
	holds       []*hold
	established string // whether open connections survive a new policy
	mu          sync.Mutex
	silent      map[string]probes.Batch // by vantage: a lookup to ask once more
	notes       []string
	enforced    bool
}

// livePod is a pod that was made, and what it was when it was ready.
type livePod struct {
	podSpec
	uid       types.UID
	addresses []string
	container string // the container's ID: another one means a restart
	labels    map[string]string
	failed    string        // why an optional pod is not there
	up        chan struct{} // closed when the above is known
	sessions  sessions
}

// Deploy puts a stand-in on up to two nodes in every service's place, waits
// until all of them run, and proves meanwhile that the cluster enforces
// NetworkPolicy; otherwise it is suites.ErrNotEnforced. The suite's policies are
// applied by Enforce.
func (p *Platform) Deploy(ctx context.Context, job suites.Job) (suites.Deployment, error) {
	l, err := plan(job, p.options.NamespacePrefix)
	if err != nil {
		return nil, err
	}
	d := &deployment{
		run:     &run{id: job.RunID, key: job.Key, owner: thisProcess(), suite: job.Suite.Name, notify: job.Notify},
		options: p.options, cases: job.Cases, layout: l, notes: l.notes,
		silent: map[string]probes.Batch{}, pods: map[string]*livePod{}, services: map[string]*liveNames{},
		execs: make(chan struct{}, execsAtOnce), canary: make(chan error, 1),
	}
	if d.dismiss, err = StartWatchdog(job.RunID, p.options); err != nil {
		return nil, err
	}
	d.life, d.end = context.WithCancel(context.WithoutCancel(ctx))
	if p.options.Kind {
		d.cluster, err = createKind(ctx, p.options, job.RunID, job.Notify)
	} else {
		d.cluster, err = connect(p.options)
	}
	if err != nil {
		d.end()
		d.dismiss()
		return nil, err
	}
	if err := d.up(ctx); err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		return nil, errors.Join(err, d.Close(clean))
	}
	return d, nil
}

func (d *deployment) up(ctx context.Context) (err error) {
	if d.version, err = d.cluster.serverVersion(ctx); err != nil {
		return err
	}
	if d.nodes, d.all, err = d.cluster.nodesForStandIns(ctx); err != nil {
		return err
	}
	if err := d.claim(ctx); err != nil {
		return err
	}
	if d.image, err = d.cluster.bringImage(ctx, d.options, d.nodes); err != nil {
		return err
	}
	specs := d.podSpecs()
	for _, s := range specs {
		d.pods[s.vantage] = &livePod{podSpec: s, up: make(chan struct{})}
		d.order = append(d.order, s.vantage)
	}
	// The canary's pods come first, so that its proof is done when the rest is up.
	first := 2 * len(d.nodes)
	if err := d.makePods(ctx, specs[:first]); err != nil {
		return err
	}
	if err := d.dropSCTP(ctx, specs); err != nil {
		return err
	}
	if err := d.makePods(ctx, specs[first:]); err != nil {
		return err
	}
	go func() { d.canary <- d.runCanary(d.life) }()
	if err := d.awaitPods(ctx, d.order); err != nil {
		return err
	}
	// Not before: each pod that becomes ready would have the rules of all nodes written anew.
	if err := d.makeServices(ctx); err != nil {
		return err
	}
	if err := d.proveOutside(ctx); err != nil {
		return err
	}
	if err := d.awaitCanary(ctx); err != nil {
		return err
	}
	d.startHolds(ctx)
	return nil
}

// claim makes the run's namespaces, and refuses those that are somebody else's.
func (d *deployment) claim(ctx context.Context) error {
	for _, n := range d.layout.namespaces {
		if err := d.claimable(ctx, n.Name); err != nil {
			return err
		}
	}
	own := []*corev1.Namespace{namespace(d.ownNamespace(), nil)}
	if d.layout.needsHost() {
		own = append(own, namespace(d.hostNamespace(), map[string]string{"pod-security.kubernetes.io/enforce": "privileged"}))
	}
	all := append(own, d.layout.namespaces...)
	return each(len(all), func(i int) error {
		n := all[i].DeepCopy()
		n.Labels = merged(n.Labels, map[string]string{labelRun: d.id})
		n.Annotations = merged(n.Annotations, d.owner.annotations(), map[string]string{noteSuite: d.suite})
		_, err := d.cluster.client.CoreV1().Namespaces().Create(ctx, n, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return d.foreign(n.Name, "it was just made by somebody else")
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", n.Name, err)
		}
		return d.makeAccounts(ctx, n.Name)
	})
}

// claimable waits while a namespace of an earlier run goes away.
func (d *deployment) claimable(ctx context.Context, name string) error {
	for {
		n, err := d.cluster.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		other := n.Labels[labelRun]
		switch {
		case other == "":
			return d.foreign(name, "netconform did not make it")
		case n.DeletionTimestamp == nil:
			return d.foreign(name, fmt.Sprintf("run %s made it; if that run is dead, `netconform clean` removes it", other))
		}
		d.notify("kubernetes: waiting until namespace %s of run %s is gone", name, other)
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("namespace %s of run %s is still being deleted: %w", name, other, err)
		}
	}
}

func (d *deployment) foreign(name, why string) error {
	return fmt.Errorf("%w: namespace %s exists on cluster %s and is not this run's: %s; --namespace-prefix puts the suite beside it", suites.ErrInput, name, d.cluster.context, why)
}

// makeAccounts makes the service accounts that stand-ins run as. The
// namespace's default account comes from a controller, later than pods want it.
func (d *deployment) makeAccounts(ctx context.Context, namespace string) error {
	for _, name := range d.layout.accounts(namespace) {
		a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
		if name != "default" {
			a.Labels = map[string]string{labelRun: d.id}
		}
		_, err := d.cluster.client.CoreV1().ServiceAccounts(namespace).Create(ctx, a, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("service account %s/%s: %w", namespace, name, err)
		}
	}
	return nil
}

func (d *deployment) makePods(ctx context.Context, specs []podSpec) error {
	return each(len(specs), func(i int) error {
		s := specs[i]
		_, err := d.cluster.client.CoreV1().Pods(s.namespace).Create(ctx, s.pod(d.run), metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("pod %s/%s: %w", s.namespace, s.name, err)
		}
		return nil
	})
}

func (d *deployment) ownNamespace() string  { return "netconform-" + d.id }
func (d *deployment) hostNamespace() string { return "netconform-" + d.id + "-host" }

func namespace(name string, labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

func merged(all ...map[string]string) map[string]string {
	sum := map[string]string{}
	for _, m := range all {
		maps.Copy(sum, m)
	}
	return sum
}

// note adds to the report's notes.
func (d *deployment) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// each does n things, createAtOnce at a time, and joins their errors in order.
func each(n int, do func(i int) error) error {
	failures := make([]error, n)
	slots := make(chan struct{}, createAtOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			failures[i] = do(i)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
