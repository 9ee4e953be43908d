package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/matrix/strict"
	"github.com/netconform/netconform/suites"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain SUITE SERVICE | SUITE FROM TO[:PORT]",
		Short: "Tell why a pair is open or blocked, by the target's files",
		Long: `explain walks the decision as a person would: which networks are shared, which
policies select each end, which rule allows, what is missing, and the smallest
change that would turn it round. With one service it lists all that reaches it
and all that it reaches.`,
		Example: `  netconform explain pmoves archon postgres:5432
  netconform explain pmoves postgres`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suites.Load(args[0])
			if err != nil {
				return err
			}
			known, err := oracles(c.Context(), s)
			if err != nil {
				return err
			}
			to, port, err := target(args[len(args)-1])
			if err != nil {
				return err
			}
			for _, name := range append([]string{to}, args[1:len(args)-1]...) {
				if s.Matrix.Service(name) == nil && s.Matrix.External(name) == nil {
					return unknownPeer(s.Matrix, name)
				}
			}
			if len(args) == 2 {
				explainService(c.OutOrStdout(), s.Matrix, known, to)
				return nil
			}
			return explainPair(c.OutOrStdout(), s.Matrix, known, args[1], to, port)
		},
	}
}

// target reads TO[:PORT]; port 0 means all.
func target(arg string) (string, int, error) {
	name, text, found := strings.Cut(arg, ":")
	if !found {
		return name, 0, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%q is no port; write TO:PORT with a port from 1 to 65535", text)
	}
	return name, port, nil
}

func unknownPeer(m *matrix.Matrix, name string) error {
	var names []string
	for _, s := range m.Services {
		names = append(names, s.Name)
	}
	for _, e := range m.Externals {
		names = append(names, e.Name)
	}
	if near := strict.Suggest(name, names); near != "" {
		return fmt.Errorf("%s: no service or external %q; did you mean %q?", m.File, name, near)
	}
	return fmt.Errorf("%s: no service or external %q; there are %s", m.File, name, strings.Join(names, ", "))
}

func explainPair(w io.Writer, m *matrix.Matrix, known []oracle, from, to string, port int) error {
	n := 0
	for _, c := range m.Expand() {
		if c.From != from || c.To != to || port != 0 && c.Port != port {
			continue
		}
		n++
		fmt.Fprintf(w, "%s: expected %s (%s)%s\n", c.Key(), c.Expected, c.Pos, because(c.Why))
		for _, o := range known {
			p := o.Predict(c)
			fmt.Fprintf(w, "  %s: %s: %s%s\n", o.name, p.Verdict, p.Reason, place(p.Pos))
			for _, step := range p.Steps {
				fmt.Fprintf(w, "    - %s\n", step)
			}
			if p.Mend != "" && p.Verdict != c.Expected {
				fmt.Fprintf(w, "    mend: %s\n", p.Mend)
			}
		}
	}
	if n == 0 {
		return fmt.Errorf("%s: no case from %s to %s; see netconform plan", m.File, from, to)
	}
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ", " + why
}

func place(p matrix.Pos) string {
	if p.Line == 0 {
		return ""
	}
	return " (" + p.String() + ")"
}

func explainService(w io.Writer, m *matrix.Matrix, known []oracle, name string) {
	cases := m.Expand()
	for _, o := range known {
		in, out := []string{}, []string{}
		for _, c := range cases {
			if c.Protocol == matrix.DNS || c.From != name && c.To != name {
				continue
			}
			v := o.Predict(c).Verdict
			if v == matrix.Deny {
				continue
			}
			mark := ""
			switch {
			case v == matrix.Unknown:
				mark = " (not known)"
			case c.Expected == matrix.Deny:
				mark = " (forbidden)"
			case v == matrix.Partial:
				mark = " (not by name)"
			}
			if c.To == name {
				in = append(in, fmt.Sprintf("%s -> %d/%s%s", c.From, c.Port, c.Protocol, mark))
			} else {
				out = append(out, fmt.Sprintf("%s:%d/%s%s", c.To, c.Port, c.Protocol, mark))
			}
		}
		slices.Sort(in)
		slices.Sort(out)
		fmt.Fprintf(w, "%s, by the files of %s\n", name, o.name)
		list(w, "is reached by", in)
		list(w, "reaches", out)
	}
}

func list(w io.Writer, title string, lines []string) {
	fmt.Fprintf(w, "  %s (%d)\n", title, len(lines))
	for _, l := range lines {
		fmt.Fprintf(w, "    %s\n", l)
	}
}
