package matrix

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("schema.json", parsed))
	s, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return s
}

// check validates a YAML file; false where it is not even YAML.
func check(t *testing.T, s *jsonschema.Schema, path string) (bool, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return false, nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return true, s.Validate(value)
}

func TestSchemaAcceptsWhatTheDecoderAccepts(t *testing.T) {
	s := compiled(t)
	bundledFiles, err := filepath.Glob("bundled/*.yaml")
	require.NoError(t, err)
	for _, path := range append(files(t, "valid-*.yaml"), bundledFiles...) {
		readable, err := check(t, s, path)
		assert.True(t, readable, path)
		assert.NoError(t, err, path)
	}
}

// notOfTheSchema are the mistakes that only show across lines, or in how YAML
// writes a value. All others an editor must mark, too.
var notOfTheSchema = []string{
	"duplicate-key", "second-document", "self", "tag", "unknown-peer",
}

func TestSchemaRefusesWhatTheDecoderRefuses(t *testing.T) {
	s := compiled(t)
	var accepted []string
	refused := 0
	for _, path := range files(t, "invalid-*.yaml") {
		readable, err := check(t, s, path)
		switch {
		case !readable:
		case err == nil:
			name := strings.TrimSuffix(filepath.Base(path), ".yaml")
			accepted = append(accepted, strings.TrimPrefix(name, "invalid-"))
		default:
			refused++
		}
	}
	assert.Equal(t, notOfTheSchema, accepted)
	assert.Greater(t, refused, 8)
}

// The schema has the decoder's fields and requires the same ones.
func TestSchemaHasTheFieldsOfTheDecoder(t *testing.T) {
	type object struct {
		Properties map[string]any `json:"properties"`
		Required   []string       `json:"required"`
		AnyOf      []object       `json:"anyOf"`
	}
	var root struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(Schema(), &root))
	for name, c := range map[string]struct {
		schema object
		format any
	}{
		"document": {root.object, document{}},
		"external": {root.Defs["external"], externalFormat{}},
		"service":  {root.Defs["service"], serviceFormat{}},
		"port":     {root.Defs["port"].AnyOf[1], portFormat{}},
		"rule":     {root.Defs["rule"].AnyOf[1], ruleFormat{}},
	} {
		var fields, required, properties []string
		for i := range reflect.TypeOf(c.format).NumField() {
			field := reflect.TypeOf(c.format).Field(i)
			fields = append(fields, field.Tag.Get("yaml"))
			if field.Tag.Get("strict") == "required" {
				required = append(required, field.Tag.Get("yaml"))
			}
		}
		for p := range c.schema.Properties {
			properties = append(properties, p)
		}
		assert.ElementsMatch(t, fields, properties, name)
		assert.ElementsMatch(t, required, c.schema.Required, name)
	}
}
