package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The status of a server is its worst, which is told first, and monitoring reads it from the exit status.
func TestStatus(t *testing.T) {
	t.Parallel()
	const well = "ready\nroles api,dns,notify\nzones 3\nseq 17\n"
	zones := func(list string) string {
		return `{"success":true,"errors":[],"messages":[],"result":[` + list + `],"result_info":{"total_pages":1}}`
	}
	for name, c := range map[string]struct {
		code      int
		readyz    string
		zones     string
		want      int
		says, not string
	}{
		"all is well":            {200, well, zones(""), 0, "HEADWATER OK - ready, roles api,dns,notify, zones 3, seq 17\nno secondary is in trouble\n", ""},
		"it loads":               {503, "not ready: zones are being loaded\n", "", 2, "HEADWATER CRITICAL - not ready: zones are being loaded\n", "zones 3"},
		"another node has it":    {200, well + "nodes 2\nno lease: other nodes tell the secondaries\n", zones(""), 0, "HEADWATER OK - ready", "no answer"},
		"the store is gone":      {200, well + "store unreachable since 2026-01-01T00:00:00Z: answering from memory\n", zones(""), 2, "HEADWATER CRITICAL - store unreachable since", ""},
		"a zone is damaged":      {200, well + "zones damaged 1: they take no changes, the log names them\n", zones(""), 2, "HEADWATER CRITICAL - zones damaged 1", ""},
		"keys are closed":        {200, well + "no secret key: the TSIG keys of 1 accounts are closed\n", zones(""), 1, "HEADWATER WARNING - no secret key", ""},
		"what is new is bad":     {200, well + "the moon fell down\n", zones(""), 2, "HEADWATER CRITICAL - the moon fell down\n", ""},
		"one is behind":          {200, well, zones(`{"name":"a.test","serial":7,"states":{"behind":1,"in_step":2}}`), 1, "HEADWATER WARNING - a.test (serial 7): 1 behind\n", "in_step"},
		"the worst is first":     {200, well, zones(`{"name":"a.test","serial":7,"states":{"behind":1}},{"name":"b.test","serial":8,"states":{"wrong_key":2}}`), 2, "HEADWATER CRITICAL - b.test (serial 8): 2 wrong_key\na.test", ""},
		"the token is not known": {200, well, "", 3, "HEADWATER UNKNOWN - secondaries cannot be looked at", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text := c.zones
				switch {
				case r.URL.Path == "/readyz":
					w.WriteHeader(c.code)
					text = c.readyz
				case text == "":
					w.WriteHeader(http.StatusForbidden)
					text = `{"success":false,"errors":[{"code":9109,"message":"Invalid access token"}]}`
				}
				_, _ = io.WriteString(w, text)
			}))
			defer srv.Close()
			var out, errs bytes.Buffer
			got := Run("1", []string{"status", "--server", srv.URL, "--token", "x"}, &out, &errs)
			if got != c.want || !strings.HasPrefix(out.String(), c.says) || c.not != "" && strings.Contains(out.String(), c.not) || errs.Len() > 0 {
				t.Errorf("%d, want %d:\n%s%s", got, c.want, out.String(), errs.String())
			}
		})
	}
	var out bytes.Buffer
	if got := Run("1", []string{"status", "--server", "http://127.0.0.1:1"}, &out, io.Discard); got != 2 || !strings.HasPrefix(out.String(), "HEADWATER CRITICAL - no answer") {
		t.Errorf("nobody there: %d, %s", got, out.String())
	}
}
