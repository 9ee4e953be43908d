// Package junitxml writes the subset of JUnit XML that GitLab, Jenkins, Azure
// and the GitHub actions read alike (https://github.com/testmoapp/junitxml).
//
// Texts are cleaned first: XML 1.0 knows no control characters, and Jenkins and
// Azure refuse a file that holds one. Character data is used and never CDATA,
// which encoding/xml writes unchecked (golang/go#53728). Line ends stay line ends,
// which encoding/xml would write as references: people read these files too.
package junitxml

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/netconform/netconform/reports/internal/text"
)

// Report is a file; the sums are filled in by Write.
type Report struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     Seconds  `xml:"time,attr"`
	Suites   []Suite  `xml:"testsuite"`
}

// Suite is a testsuite. Time is what its cases took one by one.
type Suite struct {
	Name       string     `xml:"name,attr"`
	Tests      int        `xml:"tests,attr"`
	Failures   int        `xml:"failures,attr"`
	Errors     int        `xml:"errors,attr"`
	Skipped    int        `xml:"skipped,attr"`
	Time       Seconds    `xml:"time,attr"`
	Timestamp  string     `xml:"timestamp,attr,omitempty"`
	Properties []Property `xml:"properties>property,omitempty"`
	Cases      []Case     `xml:"testcase"`
}

// Property is a fact about a suite.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// Case is a testcase with at most one of Failure, Error and Skipped.
type Case struct {
	Classname string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Time      Seconds  `xml:"time,attr"`
	Failure   *Problem `xml:"failure"`
	Error     *Problem `xml:"error"`
	Skipped   *Skip    `xml:"skipped"`
	Out       *Body    `xml:"system-out"`
}

// Problem is why a case failed.
type Problem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Body
}

// Body is the text of an element. Write turns it into XML.
type Body struct {
	Text string `xml:",innerxml"`
}

// Skip is why a case was not run.
type Skip struct {
	Message string `xml:"message,attr"`
}

// Seconds is written with three decimals.
type Seconds float64

func (s Seconds) MarshalXMLAttr(name xml.Name) (xml.Attr, error) {
	return xml.Attr{Name: name, Value: strconv.FormatFloat(float64(s), 'f', 3, 64)}, nil
}

// Write cleans the report's texts, makes every pair of classname and name
// unique (GitLab counts the first of equals only), fills in the sums and writes
// the file. The report is changed.
func Write(w io.Writer, r *Report) error {
	r.Tests, r.Failures, r.Errors, r.Skipped = 0, 0, 0, 0
	r.Name = text.Line(r.Name)
	seen := map[[2]string]bool{}
	for i := range r.Suites {
		s := &r.Suites[i]
		s.Name = text.Line(s.Name)
		for j := range s.Properties {
			s.Properties[j] = Property{text.Line(s.Properties[j].Name), text.Line(s.Properties[j].Value)}
		}
		for j := range s.Cases {
			c := &s.Cases[j]
			clean(c)
			unique(c, seen)
			s.Tests++
			s.Time += c.Time
			switch {
			case c.Failure != nil:
				s.Failures++
			case c.Error != nil:
				s.Errors++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		r.Tests += s.Tests
		r.Failures += s.Failures
		r.Errors += s.Errors
		r.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	return nil
}

func clean(c *Case) {
	c.Classname, c.Name = text.Cut(text.Line(c.Classname), 250), text.Cut(text.Line(c.Name), 250)
	if c.Out != nil {
		c.Out.Text = escape(c.Out.Text)
	}
	for _, p := range []*Problem{c.Failure, c.Error} {
		if p != nil {
			p.Type, p.Message, p.Text = text.Line(p.Type), text.Cut(text.Line(p.Message), 500), escape(p.Text)
		}
	}
	if c.Skipped != nil {
		c.Skipped.Message = text.Cut(text.Line(c.Skipped.Message), 500)
	}
}

var lineEnds = strings.NewReplacer("&#xA;", "\n", "&#x9;", "\t")

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text.Block(s))) // a strings.Builder does not fail
	return lineEnds.Replace(b.String())
}

func unique(c *Case, seen map[[2]string]bool) {
	name := c.Name
	for n := 2; seen[[2]string{c.Classname, c.Name}]; n++ {
		c.Name = fmt.Sprintf("%s (%d)", name, n)
	}
	seen[[2]string{c.Classname, c.Name}] = true
}
