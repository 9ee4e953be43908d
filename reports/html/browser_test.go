package html

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tab is a page of a run, open in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string // console errors, exceptions, requests to a network
}

// browser is one Chromium for all tests; nil where there is none.
var browser = sync.OnceValues(func() (context.Context, context.CancelFunc) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
		allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, chromedp.ExecPath(path), chromedp.NoSandbox,
			chromedp.DisableGPU, chromedp.WindowSize(1400, 1000), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(10*time.Minute))...)
		ctx, closeTab := chromedp.NewContext(allocator)
		return ctx, func() { closeTab(); stop() }
	}
	return nil, func() {}
})

func TestMain(m *testing.M) {
	code := m.Run()
	_, stop := browser()
	stop()
	os.Exit(code)
}

// open writes the run's page and opens it from disk. Without a browser the test
// is skipped, unless NETCONFORM_REQUIRE names "browser".
func open(t *testing.T, run *suites.Run) *tab {
	t.Helper()
	parent, _ := browser()
	if parent == nil {
		if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "browser") {
			t.Fatal("no chromium in PATH, and NETCONFORM_REQUIRE asks for a browser; apt-get install chromium")
		}
		t.Skip("no chromium in PATH")
	}
	require.NoError(t, chromedp.Do(parent), "start the browser")
	file := filepath.Join(t.TempDir(), "report.html")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, Write(f, run))
	require.NoError(t, f.Close())
	ctx, cancelTab := chromedp.NewContext(parent)
	t.Cleanup(cancelTab)
	p := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, p.listen))
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	require.NoError(t, err)
	p.run(chromedp.Navigate("file://" + file))
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`(async () => {
		while (!document.documentElement.dataset.ready) await new Promise((again) => setTimeout(again, 10));
		return true;
	})()`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Empty(t, p.bad, "the page complained, or asked for something")
	})
	return p
}

func (p *tab) listen(event any) {
	note := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		note = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			note += ": " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			note = fmt.Sprintf("console %s: %v", e.Type, e.Args)
		}
	case *cdplog.EventEntryAdded:
		note = fmt.Sprintf("log %s: %s", e.Entry.Level, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file://") && !strings.HasPrefix(e.Request.URL, "blob:") {
			note = "request: " + e.Request.URL
		}
	}
	if note != "" {
		p.mu.Lock()
		p.bad = append(p.bad, note)
		p.mu.Unlock()
	}
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, actions...))
}

// js evaluates an expression.
func js[T any](p *tab, expression string) T {
	p.t.Helper()
	out, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err)
	return out
}

// choose sets a select as a person would.
func (p *tab) choose(id, value string) {
	p.t.Helper()
	js[bool](p, fmt.Sprintf(`document.getElementById(%q).value = %q, document.getElementById(%q).dispatchEvent(new Event("change"))`, id, value, id))
}

// busy is how long the page's main thread has worked, in milliseconds: what a
// loaded machine does not change much.
func (p *tab) busy() float64 {
	p.t.Helper()
	got, err := chromedp.Call(p.ctx, performance.GetMetrics, cdp.Empty{})
	require.NoError(p.t, err)
	for _, m := range got.Metrics {
		if m.Name == "TaskDuration" {
			return m.Value * 1000
		}
	}
	p.t.Fatal("the browser tells no TaskDuration")
	return 0
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return js[string](p, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// clickCell clicks a pair in the heat map, by the place where it is drawn.
func (p *tab) clickCell(row, column int) {
	p.t.Helper()
	at := js[[]float64](p, fmt.Sprintf(`(() => {
		const canvas = document.getElementById("canvas");
		canvas.scrollIntoView({block: "center", behavior: "instant"});
		const r = canvas.getBoundingClientRect(), w = window.netconform.where(), box = document.getElementById("heat");
		return [r.left + w.left + (%d + 0.5) * w.cell - box.scrollLeft, r.top + w.top + (%d + 0.5) * w.cell - box.scrollTop];
	})()`, column, row))
	p.run(chromedp.MouseClickXY(at[0], at[1]))
}

func TestOpensAndShowsTheRun(t *testing.T) {
	p := open(t, fixture.Run())
	assert.Equal(t, "pmoves", p.text("h1"))
	assert.Contains(t, p.text("#verdict"), "12 violations")
	assert.Equal(t, 4, js[int](p, `document.querySelectorAll("#platforms .card").length`))
	assert.Contains(t, p.text("#platforms"), "Not probed: the suite names no Kubernetes manifests")
	assert.Contains(t, p.text("#facts"), "Docker 20.10.24")
	assert.Contains(t, p.text("#accepts"), "2027-01-01 (32 days left)")
	assert.Contains(t, p.text("#findings"), "policies/data.yaml:12:9")
	assert.Contains(t, p.text("#controls"), "PCI DSS v4.0.1, requirement 1.3")
	assert.Contains(t, p.text("#charts"), "Half of the verdicts held after 410 ms")
	assert.Positive(t, js[int](p, `document.querySelectorAll("#graph .arrow.open").length`))
	assert.Equal(t, 65*3, js[int](p, `window.netconform.size`))
}

func TestAClickShowsTheEvidence(t *testing.T) {
	p := open(t, fixture.Run())
	// postgres → qdrant: the first row, the second column.
	p.clickCell(0, 1)
	assert.Equal(t, "postgres → qdrant", p.text("#detail h3"))
	detail := p.text("#detail")
	for _, want := range []string{"expected: deny", "pmoves.matrix.yaml:22:5", "forbidden but open", "open from postgres by name qdrant:6333 (data-tier)",
		"both are on data-tier", "compose.yaml:12:3", "2 ways tried", "10.213.4.7", "control live"} {
		assert.Contains(t, detail, want)
	}
	p.run(chromedp.Click(chromedp.CSS("#detail .close")))
	assert.False(t, js[bool](p, `document.getElementById("detail").classList.contains("open")`))
	p.clickCell(0, 0)
	assert.Contains(t, p.text("#detail"), "A service to itself is no case.")
}

func TestFilters(t *testing.T) {
	p := open(t, fixture.Run())
	matching := func() string { return p.text("#matching") }
	assert.Contains(t, matching(), "195 cases match, of which 13 differ")
	p.run(chromedp.Click(chromedp.CSS(`[data-kind=open]`)))
	assert.Contains(t, matching(), "9 cases match")
	p.choose("platform", "1")
	assert.Contains(t, matching(), "1 case matches")
	assert.Contains(t, p.text("#list tbody"), "postgrest")
	p.run(chromedp.Click(chromedp.CSS("#reset")))
	assert.Contains(t, matching(), "195 cases match")
	p.choose("fromTier", "data")
	assert.Equal(t, 2, js[int](p, `window.netconform.where().rows`))
	p.run(chromedp.Click(chromedp.CSS("#reset")), chromedp.SendKeys(chromedp.CSS("#search"), "archon > post"))
	assert.Contains(t, matching(), "6 cases match")
	assert.Equal(t, []int{1, 2}, js[[]int](p, `[window.netconform.where().rows, window.netconform.where().columns]`))
	p.run(chromedp.Click(chromedp.CSS("#reset")), chromedp.SendKeys(chromedp.CSS("#search"), "no such service"))
	assert.Contains(t, matching(), "0 cases match")
	p.run(chromedp.Click(chromedp.CSS("#canvas")))
	assert.Equal(t, "Nothing matches.", p.text("#live"))
}

func TestKeyboard(t *testing.T) {
	p := open(t, fixture.Run())
	p.run(chromedp.Focus(chromedp.CSS("#canvas")), chromedp.KeyEvent(kb.ArrowRight))
	assert.Equal(t, "postgres to qdrant: compose: forbidden but open; kubernetes: forbidden, blocked; static-compose: forbidden but open", p.text("#live"))
	p.run(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, "qdrant → postgres", p.text("#detail h3"))
	assert.Equal(t, "H3", js[string](p, `document.activeElement.tagName`), "the focus moves to the evidence")
	p.run(chromedp.KeyEvent(kb.Escape))
	assert.Equal(t, "canvas", js[string](p, `document.activeElement.id`), "and back")
	p.run(chromedp.KeyEvent("n"))
	assert.Equal(t, "qdrant to nats: compose: forbidden, blocked; kubernetes: not known; static-compose: forbidden, blocked", p.text("#live"))
	p.run(chromedp.KeyEvent("p"))
	assert.Contains(t, p.text("#live"), "qdrant to postgres")
	p.run(chromedp.KeyEvent(kb.End))
	assert.Contains(t, p.text("#live"), "qdrant to internet")
	p.run(chromedp.KeyEvent("/"))
	assert.Equal(t, "search", js[string](p, `document.activeElement.id`))
}

func TestAnArrowOfTheGraphFilters(t *testing.T) {
	p := open(t, fixture.Run())
	p.run(chromedp.Focus(chromedp.CSS(`#graph .arrow.blocked`)), chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, []string{"api", "data"}, js[[]string](p, `[document.getElementById("fromTier").value, document.getElementById("toTier").value]`))
	assert.Contains(t, p.text("#matching"), "2 cases match")
}

func TestTheme(t *testing.T) {
	p := open(t, fixture.Run())
	background := func() string { return js[string](p, `getComputedStyle(document.body).backgroundColor`) }
	before := background()
	p.run(chromedp.Click(chromedp.CSS("#theme")))
	assert.NotEqual(t, before, background())
	p.run(chromedp.Click(chromedp.CSS("#theme")))
	assert.Equal(t, before, background())
}

// TestColours reads what is drawn: the middle of a cell has its judgement's colour.
func TestColours(t *testing.T) {
	p := open(t, fixture.Run())
	colour := func(row, column int) string {
		return js[string](p, fmt.Sprintf(`(() => {
			const canvas = document.getElementById("canvas"), w = window.netconform.where(), ratio = canvas.width / canvas.clientWidth;
			const at = (i, edge) => Math.round((edge + (i + 0.15) * w.cell) * ratio);
			const copy = document.createElement("canvas");
			Object.assign(copy, { width: canvas.width, height: canvas.height });
			const drawn = copy.getContext("2d", { willReadFrequently: true });
			drawn.drawImage(canvas, 0, 0);
			const got = [...drawn.getImageData(at(%d, w.left), at(%d, w.top), 1, 1).data].slice(0, 3);
			const probe = document.createElement("i");
			document.body.append(probe);
			const names = ["allowed", "denied", "open", "blocked", "files", "unsure", "accepted"].filter((name) => {
				probe.style.color = "var(--" + name + ")";
				return getComputedStyle(probe).color.match(/\d+/g).map(Number).every((v, i) => Math.abs(v - got[i]) < 8);
			});
			probe.remove();
			return names.join() || String(got);
		})()`, column, row))
	}
	for range 2 { // light and dark
		p.choose("platform", "0")
		assert.Equal(t, "open", colour(0, 1), "postgres to qdrant on compose")
		assert.Equal(t, "blocked", colour(5, 0), "archon to postgres")
		assert.Equal(t, "allowed", colour(6, 0), "postgrest to postgres")
		assert.Equal(t, "denied", colour(0, 2), "postgres to nats")
		assert.Equal(t, "accepted", colour(0, 5), "postgres to archon")
		p.choose("platform", "1")
		assert.Equal(t, "denied", colour(0, 1), "postgres to qdrant on kubernetes")
		assert.Equal(t, "files", colour(7, 4), "prometheus to extract-worker")
		assert.Equal(t, "unsure", colour(1, 2), "qdrant to nats")
		p.choose("show", "expected")
		assert.Equal(t, "denied", colour(7, 4), "expected is deny")
		p.choose("show", "observed")
		assert.Equal(t, "allowed", colour(7, 4), "observed is allow")
		p.choose("show", "kind")
		p.run(chromedp.Click(chromedp.CSS("#theme")))
	}
}

func TestHostileTextsStayText(t *testing.T) {
	run := fixture.Run()
	evil := `</script><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'"`
	run.Suite, run.Errors = evil, []string{evil}
	run.Services[0].Name, run.Services[0].Tier = evil, evil
	run.Platforms[0].Notes, run.Platforms[0].NotRun = []string{evil}, evil
	run.Findings[0].Message, run.Accepts[0].Reason = evil, evil
	for i := range run.Cases {
		r := &run.Cases[i]
		r.Evidence, r.Explanation, r.Mend, r.Why = evil, evil, evil, evil
		if r.From == "postgres" {
			r.From = evil
		}
		if r.To == "postgres" {
			r.To = evil
		}
	}
	p := open(t, run)
	p.clickCell(0, 1)
	assert.Equal(t, evil, p.text("h1"))
	assert.True(t, strings.HasPrefix(p.text("#detail h3"), `</script><img src=x onerror="window.pwned=1">`))
	assert.False(t, js[bool](p, `"pwned" in window`))
	assert.Zero(t, js[int](p, `document.querySelectorAll("img").length`))
}

func TestEmptyRun(t *testing.T) {
	p := open(t, &suites.Run{Suite: "empty", Errors: []string{"compose: the engine does not answer"}})
	assert.Contains(t, p.text("#problems"), "the engine does not answer")
	assert.Contains(t, p.text("#matching"), "0 cases match")
	assert.Equal(t, "true", js[string](p, `document.documentElement.dataset.ready`))
}

// TestLarge measures the figures; a loaded machine must not fail it, so only the
// size and what the page shows are held.
func TestLarge(t *testing.T) {
	run := fixture.Big(200, "compose", "kubernetes", "static-compose")
	started := time.Now()
	p := open(t, run)
	t.Logf("written, browser started and opened in %v", time.Since(started))
	opened := p.busy()
	t.Logf("ready %.0f ms after navigation, of which the page worked %.0f ms", js[float64](p, `window.netconform.ready`), opened)
	assert.Equal(t, 200*199*3, js[int](p, `window.netconform.size`))
	took := js[float64](p, `(() => {
		const start = performance.now(), search = document.getElementById("search");
		search.value = "service-01";
		search.dispatchEvent(new Event("input"));
		return performance.now() - start;
	})()`)
	searched := p.busy()
	t.Logf("a search takes %.0f ms, of work %.0f ms", took, searched-opened)
	assert.Contains(t, p.text("#matching"), "11,670 cases match")
	took = js[float64](p, `(() => {
		const start = performance.now();
		document.getElementById("reset").click();
		document.querySelector("[data-kind=open]").click();
		return performance.now() - start;
	})()`)
	t.Logf("two filters take %.0f ms, of work %.0f ms", took, p.busy()-searched)
	p.clickCell(0, 3)
	assert.Equal(t, "service-000 → service-003", p.text("#detail h3"))
}
