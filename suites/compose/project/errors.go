package project

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netconform/netconform/matrix"
)

var (
	lineOf      = regexp.MustCompile(`line (\d+)`)
	spanOf      = regexp.MustCompile(`go-yaml load error in \w+ \(([^)]*)\) at (?:L[\d.C]+-)?L(\d+)\.C(\d+): `)
	unknownKey  = regexp.MustCompile(`additional properties '([^']+)'`)
	badPort     = regexp.MustCompile(`(?i)invalid [a-z ]+: (\S+)`)
	dotted      = regexp.MustCompile("\\b(?:services|networks|volumes|configs|secrets|include)\\.[^\\s:\"`]+")
	service     = regexp.MustCompile(`service "?([A-Za-z0-9._-]+)"?`)
	circular    = regexp.MustCompile(`Circular reference: (.+)`)
	undefined   = regexp.MustCompile(`undefined (network|volume|config|secret) "?([A-Za-z0-9._-]+)"?`)
	mendByWords = []struct{ words, mend string }{
		{"undefined network", "declare it under the top-level networks, or leave it out here"},
		{"depends on undefined service", "add the service, or leave it out of depends_on"},
		{"undefined", "declare it at the top level, or leave it out here"},
		{"mutually exclusive `network_mode` and `networks`", "keep one of the two"},
		{"additional properties", "mend the spelling of the key, or remove it"},
		{"required variable", "set it in the suite's compose.env"},
		{"neither an image nor a build", "give the service an image; any name will do, since a stand-in takes its place"},
		{"include cycle", "remove one of the includes"},
		{"Circular reference", "remove one of the extends"},
		{"no such file", "mend the path, or add the file"},
		{"file does not exist", "mend the path, or add the file"},
	}
)

// locate gives an error of compose-go, which has no lines, its place in the
// files, as far as its words tell, and says what to do.
func (ix *index) locate(err error) error {
	text := strings.TrimSuffix(err.Error(), ": invalid compose project")
	text = circular.ReplaceAllStringFunc(strings.Join(strings.Fields(text), " "), fromFirst)
	pos := ix.place(text)
	for _, f := range ix.all {
		text = strings.ReplaceAll(text, "failed to parse "+f.path+": ", "")
		text = strings.ReplaceAll(text, "validating "+f.path+": ", "")
		text = strings.ReplaceAll(text, f.path, f.shown)
	}
	text = spanOf.ReplaceAllString(text, "not valid YAML, $1: ")
	mend := "mend it so that \"docker compose config\" accepts the files"
	for _, m := range mendByWords {
		if strings.Contains(text, m.words) {
			mend = m.mend
			break
		}
	}
	return fmt.Errorf("%s: %s; %s", pos, text, mend)
}

// fromFirst tells a cycle of extends from its first service by name on:
// compose-go starts at any service, one that only leads to the cycle too.
func fromFirst(text string) string {
	const head, link = "Circular reference: ", " extends "
	chain := strings.Split(strings.TrimPrefix(text, head), link)
	end := len(chain) - 1
	cycle := chain[slices.Index(chain, chain[end]):end]
	if len(cycle) == 0 {
		return text // not told in the way that is known
	}
	first := slices.Index(cycle, slices.Min(cycle))
	round := slices.Concat(cycle[first:], cycle[:first], cycle[first:first+1])
	return head + strings.Join(round, link)
}

func (ix *index) place(text string) matrix.Pos {
	for _, f := range ix.all {
		if !strings.Contains(text, f.path) {
			continue
		}
		if span := spanOf.FindStringSubmatch(text); span != nil {
			return matrix.Pos{File: f.shown, Line: atoi(span[2]), Col: atoi(span[3])}
		}
		if line := lineOf.FindStringSubmatch(text); line != nil {
			return matrix.Pos{File: f.shown, Line: atoi(line[1]), Col: 1}
		}
	}
	for _, path := range [][]string{ix.dottedPath(text), servicePath(text), cyclePath(text)} {
		if pos := ix.pos(path); pos.Line > 0 {
			return pos
		}
	}
	if port := badPort.FindStringSubmatch(text); port != nil {
		if pos := ix.portText(port[1]); pos.Line > 0 {
			return pos
		}
	}
	return matrix.Pos{File: ix.all[0].shown}
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func (ix *index) dottedPath(text string) []string {
	path := ix.split(strings.TrimRight(dotted.FindString(text), ".,'"))
	if key := unknownKey.FindStringSubmatch(text); key != nil && path != nil {
		path = append(path, key[1])
	}
	return path
}

func servicePath(text string) []string {
	name := service.FindStringSubmatch(text)
	if name == nil {
		return nil
	}
	path := []string{"services", name[1]}
	if strings.Contains(text, "`network_mode`") {
		path = append(path, "network_mode")
	}
	if u := undefined.FindStringSubmatch(text); u != nil {
		path = append(path, u[1]+"s", u[2])
	}
	return path
}

func cyclePath(text string) []string {
	chain := circular.FindStringSubmatch(text)
	if chain == nil {
		return nil
	}
	first, _, _ := strings.Cut(chain[1], " in ")
	return []string{"services", first, "extends"}
}

// portText finds the first entry of ports that holds a text: compose-go's
// errors about ports name no service.
func (ix *index) portText(text string) matrix.Pos {
	for _, doc := range ix.docs {
		_, services := entry(doc.root, "services", depth)
		if services == nil {
			continue
		}
		for i := 1; i < len(services.Content); i += 2 {
			_, ports := entry(services.Content[i], "ports", depth)
			if ports == nil {
				continue
			}
			for _, item := range ports.Content {
				if strings.Contains(item.Value, text) {
					return doc.at(item)
				}
			}
		}
	}
	return matrix.Pos{}
}

// split cuts a dotted path where the files' keys are: a name may have dots itself.
func (ix *index) split(dotted string) []string {
	words := strings.Split(dotted, ".")
	var path []string
	for i := 0; i < len(words); {
		found := false
		for j := len(words); j > i && !found; j-- {
			longer := append(path[:len(path):len(path)], strings.Join(words[i:j], "."))
			if _, key, _ := ix.find(longer); key != nil {
				path, i, found = longer, j, true
			}
		}
		if !found {
			break
		}
	}
	return path
}
