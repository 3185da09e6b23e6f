package render

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

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// HTMLName is the name of the page inside a run's folder.
const HTMLName = "report.html"

//go:embed html.css
var htmlStyle string

//go:embed html.js
var HTMLScript string

// HTMLFiles is d as one page, with everything in it: nothing lies beside it.
func HTMLFiles(d document.Document) ([]Output, error) {
	var b bytes.Buffer
	if err := HTML(&b, d); err != nil {
		return nil, err
	}
	return []Output{{HTMLName, b.Bytes()}}, nil
}

// pageStyle is the style of every page.
var pageStyle = sync.OnceValue(func() string { return chart.Colours() + htmlStyle + chart.Rules() })

// HTML writes d as a page that needs no network and can be read without
// JavaScript. The same document gives the same bytes.
func HTML(w io.Writer, d document.Document) error {
	m := htmlWriter{ids: map[string]bool{"main": true, "theme": true}}
	style := pageStyle()
	m.printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	// Even a name that broke out of its place could run and load nothing.
	m.printf("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src %s; script-src %s; img-src data:; base-uri 'none'; form-action 'none'\">\n",
		PolicyHash(style), PolicyHash(HTMLScript))
	m.printf("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n")
	m.printf("<title>%s</title>\n", htmlText(d.Title))
	// Without an icon of its own a browser asks the server for one.
	m.printf("<link rel=\"icon\" href=\"data:,\">\n<style>%s</style>\n</head>\n<body>\n", style)
	m.printf("<a class=\"skip\" href=\"#main\">Skip to the report</a>\n")
	m.printf("<header>\n<h1>%s</h1>\n<button type=\"button\" id=\"theme\" hidden>Dark theme</button>\n</header>\n", htmlText(d.Title))
	ids := make([]string, len(d.Sections))
	for i, s := range d.Sections {
		ids[i] = m.id(s.Heading)
	}
	m.contents(d.Sections, ids)
	m.printf("<main id=\"main\" tabindex=\"-1\">\n")
	for _, a := range d.Alerts {
		m.printf("<p class=\"alert\" role=\"note\"><strong>Warning:</strong> %s</p>\n", htmlInline(a))
	}
	m.caption = "Result"
	m.paragraph(d.Lead)
	m.block(document.Bullets(d.Points))
	for i, s := range d.Sections {
		level := 2
		if s.Sub {
			level = 3
		}
		m.printf("<section>\n<h%d id=%q>%s</h%[1]d>\n", level, ids[i], htmlText(s.Heading))
		m.caption, m.tables = s.Heading, 0
		for _, b := range s.Blocks {
			m.block(b)
		}
		m.printf("</section>\n")
	}
	m.printf("</main>\n<script>%s</script>\n</body>\n</html>\n", HTMLScript)
	if m.err != nil {
		return fmt.Errorf("render html: %w", m.err)
	}
	if _, err := w.Write(m.b.Bytes()); err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	return nil
}

// PolicyHash names an inline style or script in a content security policy.
func PolicyHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// htmlText makes s plain text, in an element or in a quoted attribute.
func htmlText(s string) string { return html.EscapeString(text.Printable(s)) }

func htmlInline(p prose.Prose) string {
	var b strings.Builder
	for _, piece := range p {
		switch {
		case strings.TrimSpace(piece.Text) == "" && piece.Look != prose.Plain:
		case piece.Look == prose.Code:
			b.WriteString("<code>" + htmlText(piece.Text) + "</code>")
		case piece.Look == prose.Strong:
			b.WriteString("<strong>" + htmlText(piece.Text) + "</strong>")
		default:
			b.WriteString(htmlText(piece.Text))
		}
	}
	return b.String()
}
