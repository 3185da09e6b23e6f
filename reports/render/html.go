package render

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"sync"

	"tunbench/reports/chart/style"
	"tunbench/reports/document"
)

// HTMLName is the name of the page inside a run's folder.
const HTMLName = "report.html"

//go:embed html.css
var htmlStyle string

//go:embed html.js
var HTMLScript string

//go:embed page.html
var pageText string

// pageTemplate escapes each text for the place where it stands.
var pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// HTMLFiles is d as one page, with everything in it: nothing lies beside it.
func HTMLFiles(d document.Document) ([]Output, error) {
	var b bytes.Buffer
	if err := HTML(&b, d); err != nil {
		return nil, err
	}
	return []Output{{HTMLName, b.Bytes()}}, nil
}

// WritePage writes d into dir as one page, and gives its path.
func WritePage(dir string, d document.Document) (string, error) {
	files, err := HTMLFiles(d)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, HTMLName), WriteFiles(dir, files)
}

// pageStyle is the style of every page.
var pageStyle = sync.OnceValue(func() string { return style.Colours() + htmlStyle + style.Rules() })

// HTML writes d as a page that needs no network and can be read without
// JavaScript. The same document gives the same bytes.
func HTML(w io.Writer, d document.Document) error {
	p, err := newPage(d)
	if err != nil {
		return fmt.Errorf("render html: %w", err)
	}
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, p); err != nil {
		return fmt.Errorf("render html: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	return nil
}

// policy lets the page's own style and script run, and nothing load: not even a name
// that broke out of its place could.
func policy(style, script string) template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`content="default-src 'none'; style-src %s; script-src %s; img-src data:; base-uri 'none'; form-action 'none'"`, PolicyHash(style), PolicyHash(script)))
}

// PolicyHash names an inline style or script in a content security policy.
func PolicyHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
