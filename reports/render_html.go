package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strings"
	"sync"
)

// htmlName is the name of the page inside a run's folder.
const htmlName = "report.html"

//go:embed html.css
var htmlStyle string

//go:embed html.js
var htmlScript string

// htmlFiles is d as one page, with everything in it: nothing lies beside it.
func htmlFiles(d document) ([]Output, error) {
	var b bytes.Buffer
	if err := htmlPage(&b, d); err != nil {
		return nil, err
	}
	return []Output{{htmlName, b.Bytes()}}, nil
}

// pageStyle is the style of every page.
var pageStyle = sync.OnceValue(func() string { return chartColours() + htmlStyle + chartRules() })

// htmlPage writes d as a page that needs no network and can be read without
// JavaScript. The same document gives the same bytes.
func htmlPage(w io.Writer, d document) error {
	m := htmlWriter{ids: map[string]bool{"main": true, "theme": true}}
	style := pageStyle()
	m.printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	// Even a name that broke out of its place could run and load nothing.
	m.printf("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src %s; script-src %s; img-src data:; base-uri 'none'; form-action 'none'\">\n",
		policyHash(style), policyHash(htmlScript))
	m.printf("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n")
	m.printf("<title>%s</title>\n", htmlText(d.title))
	// Without an icon of its own a browser asks the server for one.
	m.printf("<link rel=\"icon\" href=\"data:,\">\n<style>%s</style>\n</head>\n<body>\n", style)
	m.printf("<a class=\"skip\" href=\"#main\">Skip to the report</a>\n")
	m.printf("<header>\n<h1>%s</h1>\n<button type=\"button\" id=\"theme\" hidden>Dark theme</button>\n</header>\n", htmlText(d.title))
	ids := make([]string, len(d.sections))
	for i, s := range d.sections {
		ids[i] = m.id(s.heading)
	}
	m.contents(d.sections, ids)
	m.printf("<main id=\"main\" tabindex=\"-1\">\n")
	for _, a := range d.alerts {
		m.printf("<p class=\"alert\" role=\"note\"><strong>Warning:</strong> %s</p>\n", htmlInline(a))
	}
	m.caption = "Result"
	m.paragraph(d.lead)
	m.block(bullets(d.points))
	for i, s := range d.sections {
		level := 2
		if s.sub {
			level = 3
		}
		m.printf("<section>\n<h%d id=%q>%s</h%[1]d>\n", level, ids[i], htmlText(s.heading))
		m.caption, m.tables = s.heading, 0
		for _, b := range s.blocks {
			m.block(b)
		}
		m.printf("</section>\n")
	}
	m.printf("</main>\n<script>%s</script>\n</body>\n</html>\n", htmlScript)
	if m.err != nil {
		return fmt.Errorf("render html: %w", m.err)
	}
	if _, err := w.Write(m.b.Bytes()); err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	return nil
}

// policyHash names an inline style or script in a content security policy.
func policyHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// htmlText makes s plain text, in an element or in a quoted attribute.
func htmlText(s string) string { return html.EscapeString(printable(s)) }

func htmlInline(p prose) string {
	var b strings.Builder
	for _, piece := range p {
		switch {
		case strings.TrimSpace(piece.text) == "" && piece.look != plain:
		case piece.look == code:
			b.WriteString("<code>" + htmlText(piece.text) + "</code>")
		case piece.look == strong:
			b.WriteString("<strong>" + htmlText(piece.text) + "</strong>")
		default:
			b.WriteString(htmlText(piece.text))
		}
	}
	return b.String()
}
