// Package project reads the Compose files of a suite, as Compose itself does,
// and knows which line says what.
//
// Nothing outside the files is asked: no engine, no registry, no remote
// include. What a service runs is of no interest here, so env_file is not
// read.
package project

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Project is a suite's Compose project. It is not changed after Load, and then
// safe for concurrent use.
type Project struct {
	*types.Project

	index    *index
	composes map[string]string // service of the matrix → service of Compose, where they differ
	matrices map[string]string // the reverse
	known    map[string]bool   // services of the matrix; nil: any name
}

// Load reads the files that s.Compose names: several are merged in order, and
// profiles (default: all), include, extends and interpolation work as in
// Compose. Variables come from s.Compose.Env, the process's environment and
// the project folder's .env, in this order. Files of a suite with no Root are
// read from s.FS and can't include others.
//
// An error begins with file:line:col where the place is known.
func Load(ctx context.Context, s *suites.Suite) (*Project, error) {
	if s.Compose == nil || len(s.Compose.Files) == 0 {
		return nil, fmt.Errorf("%s: the suite names no Compose file; add compose: {files: [compose.yaml]}", s.File)
	}
	files, err := open(s)
	if err != nil {
		return nil, err
	}
	ix := newIndex(files)
	for _, doc := range ix.docs {
		if alias := cycle(doc.root, nil); alias != nil {
			return nil, fmt.Errorf("%s: the alias *%s stands inside what it names; remove it", doc.at(alias), alias.Value)
		}
	}

	env, err := environment(s, files[0].dir)
	if err != nil {
		return nil, err
	}
	details := types.ConfigDetails{WorkingDir: files[0].dir, Environment: env}
	for _, f := range files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f.path, Content: f.content})
	}
	profiles := s.Compose.Profiles
	if len(profiles) == 0 {
		profiles = []string{"*"}
	}
	name := loader.NormalizeProjectName(s.Name)
	if name == "" {
		name = "netconform"
	}
	loaded, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(name, false)
		o.Profiles = profiles
		o.SkipResolveEnvironment = true
	})
	if err != nil {
		return nil, ix.locate(err)
	}

	p := &Project{Project: loaded, index: ix, composes: s.Compose.Services, matrices: map[string]string{}}
	for name, compose := range s.Compose.Services {
		p.matrices[compose] = name
	}
	if s.Matrix != nil {
		p.known = map[string]bool{}
		for _, service := range s.Matrix.Services {
			p.known[service.Name] = true
		}
	}
	return p, nil
}

// Compose returns the Compose service that stands for a service of the matrix.
func (p *Project) Compose(service string) (types.ServiceConfig, bool) {
	name, ok := p.composes[service]
	if !ok {
		if _, taken := p.matrices[service]; taken {
			return types.ServiceConfig{}, false
		}
		name = service
	}
	found, ok := p.Services[name]
	return found, ok
}

// Matrix returns the service of the matrix that a Compose service stands for.
func (p *Project) Matrix(composeService string) (string, bool) {
	name, ok := p.matrices[composeService]
	if !ok {
		if _, renamed := p.composes[composeService]; renamed {
			return "", false
		}
		name = composeService
	}
	if p.known != nil && !p.known[name] {
		return "", false
	}
	return name, true
}

// Pos is where the files say what path names, such as ("networks", "data") or
// ("services", "web", "networks", "data"); a service's extends and YAML's merge
// keys are followed. Where the files do not say it, it is the nearest
// place around it; zero where there is none.
func (p *Project) Pos(path ...string) matrix.Pos { return p.index.pos(path) }

// PortPos is where the files publish a port of a Compose service.
func (p *Project) PortPos(composeService string, port types.ServicePortConfig) matrix.Pos {
	return p.index.portPos(composeService, port)
}

// file is a Compose file: shown is its path as people write it, path the one
// on disk (or in the suite's FS, for a suite that is not on disk).
type file struct {
	shown, path, dir string
	content          []byte
	disk             bool
}

func open(s *suites.Suite) ([]file, error) {
	var files []file
	for _, name := range s.Compose.Files {
		f := file{shown: path.Join(path.Dir(filepath.ToSlash(s.File)), name)}
		var err error
		switch {
		case s.Root == "":
			f.path = path.Join(s.Dir, name)
			f.dir = path.Dir(f.path)
			f.content, err = fs.ReadFile(s.FS, f.path)
		default:
			f.disk = true
			f.path = name
			if filepath.IsAbs(name) {
				f.shown = name
			} else {
				f.path = filepath.Join(s.Root, filepath.FromSlash(s.Dir), name)
			}
			if f.path, err = filepath.Abs(f.path); err != nil {
				return nil, fmt.Errorf("%s: %w", f.shown, err)
			}
			f.dir = filepath.Dir(f.path)
			f.content, err = os.ReadFile(f.path)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: the Compose file %q can't be read: %w; compose.files are relative to the suite file", s.Compose.Pos, name, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// environment has the same precedence as Compose's, with the suite's own on top.
func environment(s *suites.Suite, dir string) (types.Mapping, error) {
	env := types.Mapping{}
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	beside := filepath.Join(dir, ".env")
	if info, err := os.Stat(beside); s.Root != "" && err == nil && !info.IsDir() {
		more, err := dotenv.GetEnvFromFile(env, []string{beside})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", beside, err)
		}
		env.Merge(more)
	}
	for name, value := range s.Compose.Env {
		env[name] = value
	}
	return env, nil
}
