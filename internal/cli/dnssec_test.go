package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dnssecAnswer = `{"status":"pending","denial":"nsec","progress":{"what":"first signing","done":5,"total":9},
	"expires":"2026-12-20T10:00:00Z","renews":"2026-12-10T10:00:00Z","trouble":"a key is lost","secondaries":[
	{"name":"one","state":"in_step","serial":7,"expires":"2026-12-20T10:00:00Z"},{"name":"two","state":"behind","serial":null,"expires":null}],
	"multi_signer_steps":[{"done":null,"text":"look there"},{"done":true,"text":"enter it"},{"done":false,"text":"wait"}],"keys":[
	{"id":"a1","tag":7,"role":"ksk","algorithm_name":"ED25519","state":"leaving","origin":"made","waits":[{"text":"The parent has it. Act."}],"ds":["old"],"ds_seen":"somewhere"},
	{"id":"a2","tag":8,"role":"ksk","algorithm_name":"ED25519","state":"signing","origin":"imported","waits":[],"ds":["new"],"ds_seen":"nowhere"},
	{"id":"a3","tag":9,"role":"zsk","algorithm_name":"ED25519","state":"published","origin":"foreign","waits":[],"ds":[],"ds_seen":"unknown"}]}`

// TestDNSSECVerbs: what each verb asks of the server, and what it prints of the answer.
func TestDNSSECVerbs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"k.key": "public half", "k.private": "private half"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := dnssecAnswer
		switch {
		case strings.HasSuffix(r.URL.Path, "/zones"):
			answer = `[{"id":"z","name":"example.com"}]`
		case strings.HasSuffix(r.URL.Path, "/export"):
			answer = `{"name":"../../Kexample.com.+015+00008","key":"public half","private":"private half"}`
		}
		if !strings.HasSuffix(r.URL.Path, "/zones") {
			asked = append(asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
		}
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/keys") {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, `{"result":`+answer+`,"success":true,"errors":[],"messages":[]}`)
	}))
	defer server.Close()
	const own, up = "/headwater/v1/zones/z/dnssec", "/client/v4/zones/z/dnssec"
	get := "GET " + own
	for args, c := range map[string]struct {
		code   int
		asked  []string
		prints []string
	}{
		"example.com": {0, []string{get}, []string{
			"example.com    pending  nsec", "first signing  5 of 9 records", "end from 2026-12-20 10:00 UTC on  renewed from 2026-12-10 10:00 UTC on", "TROUBLE        a key is lost",
			"KSK 7   ED25519  leaving, made  DS seen somewhere", "The parent has it. Act.", "ZSK 9", "one  7", "two  unknown", "behind", "step 1  cannot be seen  look there", "step 2  done",
			"step 3  to do",
		}},
		"enable example.com":          {0, []string{"PATCH " + up + ` {"status":"active"}`, get}, []string{"pending"}},
		"disable example.com":         {0, []string{"PATCH " + up + ` {"status":"disabled"}`, get}, []string{"pending"}},
		"remove example.com":          {0, []string{"DELETE " + up}, []string{"as soon as no cache"}},
		"ds example.com":              {0, []string{get}, []string{"new\n"}},
		"seen example.com 7 --gone":   {0, []string{get, "POST " + own + `/ds_seen {"key_id":"a1","seen":false}`}, nil},
		"seen example.com ksk":        {0, []string{get, "POST " + own + `/ds_seen {"key_id":"a2","seen":true}`}, nil},
		"seen example.com 9":          {1, []string{get}, []string{"0 keys that are meant by 9"}}, // another signer's
		"roll example.com zsk":        {0, []string{"POST " + own + `/roll {"role":"zsk"}`}, nil},
		"roll example.com 15":         {0, []string{"POST " + own + `/roll {"algorithm":15}`}, nil},
		"set example.com":             {0, []string{"PATCH " + own + " {}"}, nil},
		"set example.com --cds off":   {0, []string{"PATCH " + own + ` {"policy":{"cds":false}}`}, nil},
		"set example.com --cds maybe": {2, nil, []string{"--cds"}},
		"set example.com --denial nsec --zsk-roll-days 0 --ksk-roll cds": {
			0, []string{"PATCH " + own + ` {"denial":"nsec","policy":{"ksk_roll":"cds","zsk_roll_days":0}}`}, nil,
		},
		"import example.com k.private --role csk": {0, []string{"POST " + own + `/keys {"private":"private half","public":"public half","role":"csk"}`}, nil},
		"import example.com k":                    {0, []string{"POST " + own + `/keys {"private":"private half","public":"public half"}`}, nil},
		"import example.com other":                {1, nil, []string{"no such file"}},
		"export example.com 8":                    {0, []string{get, "GET " + own + "/keys/a2/export"}, []string{"Kexample.com.+015+00008"}},
	} {
		asked = nil
		var out bytes.Buffer
		words := append([]string{"zone", "dnssec"}, strings.Fields(args)...)
		code := Run("test", append(words, "--server", server.URL, "--token", "x"), &out, &out)
		if code != c.code || strings.Join(asked, "\n") != strings.Join(c.asked, "\n") {
			t.Errorf("%s: status %d, asks\n%s\nwant %d and\n%s\n%s", args, code, strings.Join(asked, "\n"), c.code, strings.Join(c.asked, "\n"), out.String())
		}
		for _, want := range c.prints {
			if got := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(got, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s: no %q in\n%s", args, want, out.String())
			}
		}
		if args == "ds example.com" && out.String() != "new\n" {
			t.Errorf("the DS records are not alone: %q", out.String())
		}
	}
	// Whatever a server calls the files, they stand where the operator wants them.
	st, err := os.Stat(filepath.Join(dir, "Kexample.com.+015+00008.private"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the private half: %v", err)
	}
}
