package matrix

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// findings are the lint's rules and places, and the message of the first.
func findings(m *Matrix) (where []string, first string) {
	for i, f := range m.Lint() {
		if i == 0 {
			first = f.Message
		}
		where = append(where, f.Rule+" "+f.Pos.String())
	}
	return where, first
}

func TestLint(t *testing.T) {
	for name, c := range map[string]struct {
		services string
		where    []string
		first    string
	}{
		"agreed": {
			services: "  web: {ports: [80], from: [clients], to: [db]}\n  db: {ports: [1], from: [web], to: []}\n",
		},
		"not stated": {
			services: "  web: {ports: [80], from: [clients]}\n  db: {ports: [1], from: [web]}\n",
		},
		"from alone": {
			services: "  web: {ports: [80], from: [clients], to: []}\n  db: {ports: [1], from: [web]}\n",
			where:    []string{"one-sided-pair m.yaml:5:27"},
			first:    `db lists web in "from", and web does not list db in "to"; "from" decides: expected allow`,
		},
		"to alone": {
			services: "  web: {ports: [80], from: [clients], to: [db]}\n  db: {ports: [1], from: [clients]}\n",
			where:    []string{"one-sided-pair m.yaml:4:44"},
			first:    `web lists db in "to", and db does not list web in "from"; "from" decides: expected deny`,
		},
		"to a tier": {
			services: "  web: {ports: [80], from: [clients], to: [data]}\n  db: {tier: data, ports: [1], from: [web]}\n  s3: {tier: data, ports: [2], from: [clients]}\n",
			where:    []string{"one-sided-pair m.yaml:4:44"},
			first:    `web lists s3 in "to", and s3 does not list web in "from"; "from" decides: expected deny`,
		},
		"other ports": {
			services: "  web: {ports: [80], from: [clients], to: [{peer: db, ports: [1, 2]}]}\n  db: {ports: [1, 2, 3, 4, 5], from: [clients, {peer: web, ports: [2, 3, 4, 5]}]}\n",
			where:    []string{"one-sided-pair m.yaml:4:44", "one-sided-pair m.yaml:5:48"},
			first:    `web lists db in "to" on port 1, and "from" of db leaves that out; "from" decides: expected deny`,
		},
		"external": {
			services: "  web: {ports: [80], from: [clients], to: [internet]}\n",
			where:    []string{"one-sided-pair m.yaml:4:44"},
			first:    `web lists internet in "to", and internet does not list web in "from"; "from" decides: expected deny`,
		},
		"stated": {
			services: "  web: {ports: [80], stated: [81, \"8000-8010\"], from: [clients]}\n",
			where:    []string{"stated-port m.yaml:4:31"},
			first:    `web is verified on 80, and 81, 8000-8010 is stated elsewhere for it`,
		},
		"unused": {
			services: "  web: {ports: [80], from: [clients]}\n  db: {ports: [1]}\n",
			where:    []string{"unused-service m.yaml:5:3"},
			first:    "nobody may reach db, and it may reach nobody",
		},
		"no lookups": {
			services: "  web: {ports: [80], from: [clients], dns: deny}\n  db: {ports: [1], from: [web]}\n",
			where:    []string{"no-lookups m.yaml:4:3"},
			first:    `web may talk to db, and "dns: deny" keeps it from looking up the name`,
		},
		"unreachable": {
			services: "  web: {ports: [80]}\n  db: {ports: [1, 2], from: [{peer: web, ports: [2]}, clients]}\n  job: {ports: [1, 2], from: [{peer: web, ports: [2]}]}\n",
			where:    []string{"unreachable-service m.yaml:4:3", "unreachable-port m.yaml:6:17"},
			first:    "web has ports, and no service or external may reach them",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := mustParse(t, "matrix: shop\nexternals: {internet: {ports: [443], from: [sdk]}, clients: {}}\nservices:\n"+c.services+"  sdk: {to: [internet]}\n")
			where, first := findings(m)
			assert.Equal(t, c.where, where)
			assert.Equal(t, c.first, first)
		})
	}
}

func TestLintNames(t *testing.T) {
	m := mustParse(t, `matrix: shop
externals: {clients: {}, internet: {ports: [443]}, partners: {}}
groups: {none: [erp], idle: [web], outer: [inner], inner: [clients]}
mentioned: [erp, crm]
services:
  web: {ports: [80], from: [outer, none]}
`)
	where, _ := findings(m)
	assert.Equal(t, []string{
		"unused-external m.yaml:2:26",
		"unused-external m.yaml:2:52",
		"empty-group m.yaml:3:10",
		"unused-group m.yaml:3:23",
		"mentioned-peer m.yaml:4:13",
		"mentioned-peer m.yaml:4:18",
	}, where)
	assert.Contains(t, m.Lint()[4].Message, "erp is named by group none and described nowhere")
	assert.Equal(t, "crm is mentioned, and no rule names it", m.Lint()[5].Message)
}

func TestEveryFindingSaysWhatToDo(t *testing.T) {
	for _, name := range BundledNames() {
		for _, f := range mustBundled(t, name).Lint() {
			assert.NotEmpty(t, f.Mend, f.Message)
			assert.Positive(t, f.Pos.Line, f.Message)
		}
	}
}
