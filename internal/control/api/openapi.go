package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	document "github.com/headwaterdns/headwater/api"
)

func documentRoutes() []Route {
	return []Route{
		NewRoute(http.MethodGet, "/openapi.json", ScopePublic, nil, (*API).serveDocument),
		NewRoute(http.MethodGet, "/docs", ScopePublic, nil, (*API).servePage),
	}
}

// served is the OpenAPI document in the two forms that are served, made once.
type served struct {
	json, page []byte
	csp        string
}

//nolint:gochecknoglobals // a constant that takes work to make
var theDocument = sync.OnceValues(func() (served, error) { return renderDocument(document.YAML) })

func (a *API) serveDocument(q *Request) error {
	d, err := theDocument()
	if err != nil {
		return err
	}
	q.Head(http.StatusOK, "application/json")
	_, err = q.W.Write(d.json)
	return q.Gone(err)
}

func (a *API) servePage(q *Request) error {
	d, err := theDocument()
	if err != nil {
		return err
	}
	q.W.Header().Set("Content-Security-Policy", d.csp)
	q.Head(http.StatusOK, "text/html; charset=utf-8")
	_, err = q.W.Write(d.page)
	return q.Gone(err)
}

// operationDoc is what the page shows of one operation.
type operationDoc struct {
	Method, Path, ID, Summary, Description string
	Groups                                 []string
	Parameters                             []string
}

type tagDoc struct {
	Name, Description string
	Operations        []operationDoc
}

func renderDocument(source []byte) (served, error) {
	var tree any
	if err := yaml.Load(source, &tree); err != nil {
		return served{}, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return served{}, fmt.Errorf("write the OpenAPI document as JSON: %w", err)
	}
	var d struct {
		Info struct {
			Title, Description string
		}
		Tags  []struct{ Name, Description string }
		Paths map[string]map[string]struct {
			OperationID string   `yaml:"operationId"`
			Groups      []string `yaml:"x-api-token-group"`
			Tags        []string
			Summary     string
			Description string
			Parameters  []struct {
				Name string
				Ref  string `yaml:"$ref"`
			}
		}
	}
	if err := yaml.Load(source, &d); err != nil {
		return served{}, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	byTag := map[string][]operationDoc{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			o, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			doc := operationDoc{
				Method: strings.ToUpper(method), Path: path, ID: o.OperationID, Summary: o.Summary, Description: o.Description,
				Groups: o.Groups,
			}
			for _, p := range o.Parameters {
				if name := p.Name + p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]; !strings.Contains(path, "{"+name+"}") {
					doc.Parameters = append(doc.Parameters, name)
				}
			}
			for _, t := range o.Tags {
				byTag[t] = append(byTag[t], doc)
			}
		}
	}
	tags := make([]tagDoc, 0, len(d.Tags))
	for _, t := range d.Tags {
		tags = append(tags, tagDoc{t.Name, t.Description, byTag[t.Name]})
	}
	var page bytes.Buffer
	err = pageTemplate.Execute(&page, map[string]any{
		"Title": d.Info.Title, "Description": d.Info.Description, "Tags": tags, "Style": template.CSS(pageStyle), //nolint:gosec // a constant of ours
	})
	if err != nil {
		return served{}, fmt.Errorf("write the page of the API: %w", err)
	}
	hash := sha256.Sum256([]byte(pageStyle))
	csp := "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'"
	return served{asJSON, page.Bytes(), csp}, nil
}

const pageStyle = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
pre { white-space: pre-wrap; font: inherit; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
article { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .75rem 0; }
h3 { font-size: 1rem; margin: 0; font-weight: 400; }
b { display: inline-block; min-width: 4.5rem; }
p { margin: .25rem 0 .25rem 4.5rem; }
.s { opacity: .75; font-size: .875rem; }
`

//nolint:gochecknoglobals // template
var pageTemplate = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title><style>{{.Style}}</style></head><body>
<h1>{{.Title}}</h1><pre>{{.Description}}</pre>
<p>The document behind this page is at <a href="/openapi.json">/openapi.json</a>.</p>
<nav><ul>{{range .Tags}}<li><a href="#{{.Name}}">{{.Name}}</a>: {{.Description}}</li>{{end}}</ul></nav>
{{range .Tags}}<section><h2 id="{{.Name}}">{{.Name}}</h2>
{{range .Operations}}<article id="{{.ID}}"><h3><b>{{.Method}}</b><code>{{.Path}}</code></h3>
<p>{{.Summary}}</p>{{with .Description}}<p>{{.}}</p>{{end}}
{{with .Parameters}}<p class="s">Parameters: {{range $i, $p := .}}{{if $i}}, {{end}}<code>{{$p}}</code>{{end}}</p>{{end}}
{{with .Groups}}<p class="s">Opened by any of: {{range $i, $g := .}}{{if $i}}, {{end}}{{$g}}{{end}}</p>{{end}}
</article>
{{end}}</section>
{{end}}</body></html>
`))
