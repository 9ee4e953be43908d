package initial

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
)

// FromCompose makes a matrix of what Compose files allow on a current engine.
// Files are merged in order, as Compose does. A service's ports are the container
// ports under "ports" and "expose"; where there are none, a comment says so, since
// an image's own ports are not in the files.
func FromCompose(ctx context.Context, files []string) ([]byte, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("no Compose file is named")
	}
	s, err := onDisk(files[0])
	if err != nil {
		return nil, err
	}
	s.Compose = &suites.ComposeTarget{Services: map[string]string{}}
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		s.Compose.Files = append(s.Compose.Files, abs)
	}
	p, err := project.Load(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(p.Services) == 0 {
		return nil, fmt.Errorf("%s: there is no service in it", strings.Join(files, ", "))
	}
	d := &draft{name: s.Name, externals: outside(), head: []string{
		"A first matrix: what " + strings.Join(files, ", ") + " allow. It says what is,",
		"not what should be: take out what nobody needs."}}
	for _, name := range composeOrder(p) {
		service := service{name: label(name), ports: composePorts(p.Services[name])}
		if service.name != name {
			s.Compose.Services[service.name] = name
			service.notes = append(service.notes, fmt.Sprintf("%q in the Compose files: name it under compose.services in the suite", name))
		}
		if len(service.ports) == 0 {
			service.notes = append(service.notes, "its files state no port: add those that it listens on")
		}
		d.services = append(d.services, service)
	}
	return d.predicted(s, func() (suites.Predictor, error) {
		p, err := project.Load(ctx, s)
		if err != nil {
			return nil, err
		}
		return oracle.New(p, s.Matrix, oracle.Engine{}), nil
	})
}

// onDisk is a suite for files that no suite names yet.
func onDisk(first string) (*suites.Suite, error) {
	abs, err := filepath.Abs(first)
	if err != nil {
		return nil, err
	}
	root := filepath.VolumeName(abs) + string(filepath.Separator)
	inside := filepath.ToSlash(strings.TrimPrefix(abs, root))
	dir := inside[:max(strings.LastIndex(inside, "/"), 0)]
	name := label(filepath.Base(filepath.Dir(abs)))
	if name == "" {
		name = "first"
	}
	return &suites.Suite{Name: name, File: filepath.Join(filepath.Dir(first), "suite.yaml"), FS: os.DirFS(root), Root: root, Dir: cmp.Or(dir, ".")}, nil
}

// outside are the externals of files, which name none themselves.
func outside() []external {
	return []external{
		{name: "internet", note: "Any address outside, by the example of HTTPS.", ports: []port{{name: "https", number: 443, protocol: matrix.TCP}}},
		{name: "clients", note: "Whoever comes in from outside."},
	}
}

// predicted fills the draft with what an oracle says of the files. The oracle is
// asked about a matrix with the same services and no rules.
func (d *draft) predicted(s *suites.Suite, ask func() (suites.Predictor, error)) ([]byte, error) {
	bare, err := d.write()
	if err != nil {
		return nil, err
	}
	if s.Matrix, err = matrix.Parse("the first matrix", bare); err != nil {
		return nil, err
	}
	oracle, err := ask()
	if err != nil {
		return nil, err
	}
	cases := s.Matrix.Expand()
	d.open(cases, func(i int) matrix.Verdict { return oracle.Predict(cases[i]).Verdict })
	return d.write()
}

// composeOrder is that of the files.
func composeOrder(p *project.Project) []string {
	names := p.ServiceNames()
	slices.SortStableFunc(names, func(a, b string) int {
		x, y := p.Pos("services", a), p.Pos("services", b)
		return cmp.Or(strings.Compare(x.File, y.File), x.Line-y.Line, strings.Compare(a, b))
	})
	return names
}

func composePorts(s types.ServiceConfig) []port {
	var list []port
	add := func(number int, protocol string) {
		p := port{number: number, protocol: matrix.Protocol(cmp.Or(strings.ToLower(protocol), "tcp"))}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	for _, p := range s.Ports {
		add(int(p.Target), p.Protocol)
	}
	for _, text := range s.Expose {
		ports, protocol, _ := strings.Cut(text, "/")
		first, last, isRange := strings.Cut(ports, "-")
		begin, ok := portNumber(first)
		end := begin
		if isRange {
			end, _ = portNumber(last)
		}
		for n := begin; ok && n <= end; n++ {
			add(n, protocol)
		}
	}
	return list
}
