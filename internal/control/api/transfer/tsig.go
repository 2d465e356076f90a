package transfer

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const secondaryDNS = api.Client + "/accounts/{account_id}/secondary_dns"

func tsigRoutes() []api.Route {
	const all, one = secondaryDNS + "/tsigs", secondaryDNS + "/tsigs/{tsig_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeAccount, api.AccSetRead, listTSIGs),
		api.NewRoute(http.MethodPost, all, api.ScopeAccount, api.AccSetWrite, createTSIG),
		api.NewRoute(http.MethodGet, one, api.ScopeAccount, api.AccSetRead, getTSIG),
		api.NewRoute(http.MethodPut, one, api.ScopeAccount, api.AccSetWrite, putTSIG),
		api.NewRoute(http.MethodDelete, one, api.ScopeAccount, api.AccSetWrite, deleteTSIG),
	}
}

// tsigJSON is a TSIG as clients see it. The secret is answered in clear: clients keep it (contract section 7.1). It is
// empty in answers to who may only read, and missing in the audit log.
type tsigJSON struct {
	ID     model.ID `json:"id"`
	Name   string   `json:"name"`
	Secret *string  `json:"secret,omitempty"`
	Algo   string   `json:"algo"`
}

// RenderTSIG gives a TSIG with its secret; who may not see it is shown it without.
func RenderTSIG(k *model.TSIG) tsigJSON { return tsigJSON{k.ID, k.Name, &k.Secret, k.Algo} }

// RenderAuditedTSIG gives a TSIG as the audit log shows it: without the secret, and with what follows it if anything does.
func RenderAuditedTSIG(k *model.TSIG) any {
	shown := tsigJSON{ID: k.ID, Name: k.Name, Algo: k.Algo}
	if k.Successor == "" {
		return shown
	}
	return struct {
		tsigJSON
		Successor model.ID `json:"successor_id"`
	}{shown, k.Successor}
}

// maxSecret bounds a TSIG's secret, in octets.
const maxSecret = 512

// readTSIG reads the body and checks what can be checked without other rows. An empty secret stays empty.
func readTSIG(q *api.Request) (model.TSIG, error) {
	var in struct {
		Name   string  `json:"name"`
		Secret *string `json:"secret"`
		Algo   string  `json:"algo"`
	}
	if err := q.Decode(&in); err != nil {
		return model.TSIG{}, err
	}
	k := model.TSIG{Account: q.Account, Name: in.Name, Algo: in.Algo}
	if in.Secret != nil {
		k.Secret = *in.Secret
	}
	if n, err := wire.ParseName(k.Name); err != nil || n == wire.Root || !printable(k.Name) {
		return k, api.Invalid(model.CodeTSIGName, "/name", "The name of a TSIG must be a domain name.")
	}
	algo, err := wire.ParseName(k.Algo)
	if err != nil || model.TSIGDigest(algo) == 0 {
		return k, api.Invalid(model.CodeTSIGAlgo, "/algo",
			"The algorithm must be one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512.")
	}
	if k.Secret == "" {
		return k, nil
	}
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil || len(secret) == 0 || len(secret) > maxSecret || strings.ContainsAny(k.Secret, "\r\n") {
		return k, api.Invalid(model.CodeTSIGSecret, "/secret", "The secret must be 1 to 512 octets in base64.")
	}
	return k, nil
}

// printable says whether s is visible ASCII only.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// newTSIGSecret draws a secret as long as the algorithm's digest.
func newTSIGSecret(algo string) string {
	n, _ := wire.ParseName(algo) // readTSIG has parsed it
	b := make([]byte, model.TSIGDigest(n))
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b)
}

func listTSIGs(a *api.API, q *api.Request) error {
	list, err := a.Store.TSIGs(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, func(k *model.TSIG) tsigJSON { return showTSIG(q, k) }))
}

func getTSIG(a *api.API, q *api.Request) error {
	k, err := tsig(q)
	if err != nil {
		return err
	}
	return q.OK(showTSIG(q, &k))
}

// showTSIG shows the secret to who may write, and who could thus replace it: it is as good as the zones it protects.
func showTSIG(q *api.Request, k *model.TSIG) tsigJSON {
	out := RenderTSIG(k)
	if !q.Who.Can(api.AccSetWrite, q.Account, "") {
		out.Secret = new(string)
	}
	return out
}

func tsig(q *api.Request) (model.TSIG, error) {
	k, err := q.API.Store.TSIG(q.Ctx(), q.Account, q.PathID("tsig_id"))
	return k, api.OrMissing(err, model.CodeTSIGNotFound, "There is no such TSIG.")
}

func createTSIG(a *api.API, q *api.Request) error {
	k, err := readTSIG(q)
	if err != nil {
		return err
	}
	if k.Secret == "" {
		k.Secret = newTSIGSecret(k.Algo)
	}
	return changeTSIG(q, model.AddTSIG{TSIG: k})
}

// putTSIG replaces a TSIG. One that comes without a secret keeps its own: a rename shall not change the key.
func putTSIG(a *api.API, q *api.Request) error {
	sent, err := readTSIG(q)
	if err != nil {
		return err
	}
	return changeTSIG(q, model.EditTSIG{ID: q.PathID("tsig_id"), Apply: func(k model.TSIG) (model.TSIG, error) {
		k.Name, k.Algo = sent.Name, sent.Algo
		if sent.Secret != "" {
			k.Secret = sent.Secret
		}
		return k, nil
	}})
}

func changeTSIG(q *api.Request, e model.Edit) error {
	res, err := q.Change(e)
	if err != nil {
		return api.PointAt(err, map[int]string{
			model.CodeTSIGName: "/name", model.CodeTSIGAlgo: "/algo", model.CodeTSIGSecret: "/secret",
		})
	}
	return q.OK(RenderTSIG(res.Outcomes[0].TSIG))
}

func deleteTSIG(a *api.API, q *api.Request) error {
	id := q.PathID("tsig_id")
	if _, err := q.Change(model.DeleteTSIG{ID: id}); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
