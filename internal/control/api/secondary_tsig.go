package api

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const secondaryDNS = client + "/accounts/{account_id}/secondary_dns"

func tsigRoutes() []Route {
	const all, one = secondaryDNS + "/tsigs", secondaryDNS + "/tsigs/{tsig_id}"
	return []Route{
		{http.MethodGet, all, ScopeAccount, accSetRead, (*api).listTSIGs},
		{http.MethodPost, all, ScopeAccount, accSetWrite, (*api).createTSIG},
		{http.MethodGet, one, ScopeAccount, accSetRead, (*api).getTSIG},
		{http.MethodPut, one, ScopeAccount, accSetWrite, (*api).putTSIG},
		{http.MethodDelete, one, ScopeAccount, accSetWrite, (*api).deleteTSIG},
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

func renderTSIG(k *model.TSIG) tsigJSON { return tsigJSON{k.ID, k.Name, &k.Secret, k.Algo} }

// maxSecret bounds a TSIG's secret, in octets.
const maxSecret = 512

// readTSIG reads the body and checks what can be checked without other rows. An empty secret stays empty.
func (q *request) readTSIG() (model.TSIG, error) {
	var in struct {
		Name   string  `json:"name"`
		Secret *string `json:"secret"`
		Algo   string  `json:"algo"`
	}
	if err := q.decode(&in); err != nil {
		return model.TSIG{}, err
	}
	k := model.TSIG{Account: q.account, Name: in.Name, Algo: in.Algo}
	if in.Secret != nil {
		k.Secret = *in.Secret
	}
	if n, err := wire.ParseName(k.Name); err != nil || n == wire.Root || !printable(k.Name) {
		return k, invalid(model.CodeTSIGName, "/name", "The name of a TSIG must be a domain name.")
	}
	algo, err := wire.ParseName(k.Algo)
	if err != nil || model.TSIGDigest(algo) == 0 {
		return k, invalid(model.CodeTSIGAlgo, "/algo",
			"The algorithm must be one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512.")
	}
	if k.Secret == "" {
		return k, nil
	}
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil || len(secret) == 0 || len(secret) > maxSecret || strings.ContainsAny(k.Secret, "\r\n") {
		return k, invalid(model.CodeTSIGSecret, "/secret", "The secret must be 1 to 512 octets in base64.")
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

func (a *api) listTSIGs(q *request) error {
	list, err := a.Store.TSIGs(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return onePage(q, each(list, q.showTSIG))
}

func (a *api) getTSIG(q *request) error {
	k, err := q.tsig()
	if err != nil {
		return err
	}
	return q.ok(q.showTSIG(&k))
}

// showTSIG shows the secret to who may write, and who could thus replace it: it is as good as the zones it protects.
func (q *request) showTSIG(k *model.TSIG) tsigJSON {
	out := renderTSIG(k)
	if !q.who.Can(accSetWrite, q.account, "") {
		out.Secret = new(string)
	}
	return out
}

func (q *request) tsig() (model.TSIG, error) {
	k, err := q.api.Store.TSIG(q.ctx(), q.account, q.pathID("tsig_id"))
	return k, orMissing(err, model.CodeTSIGNotFound, "There is no such TSIG.")
}

func (a *api) createTSIG(q *request) error {
	k, err := q.readTSIG()
	if err != nil {
		return err
	}
	if k.Secret == "" {
		k.Secret = newTSIGSecret(k.Algo)
	}
	return q.changeTSIG(model.AddTSIG{TSIG: k})
}

// putTSIG replaces a TSIG. One that comes without a secret keeps its own: a rename shall not change the key.
func (a *api) putTSIG(q *request) error {
	sent, err := q.readTSIG()
	if err != nil {
		return err
	}
	return q.changeTSIG(model.EditTSIG{ID: q.pathID("tsig_id"), Apply: func(k model.TSIG) (model.TSIG, error) {
		k.Name, k.Algo = sent.Name, sent.Algo
		if sent.Secret != "" {
			k.Secret = sent.Secret
		}
		return k, nil
	}})
}

func (q *request) changeTSIG(e model.Edit) error {
	res, err := q.change(e)
	if err != nil {
		return pointAt(err, map[int]string{
			model.CodeTSIGName: "/name", model.CodeTSIGAlgo: "/algo", model.CodeTSIGSecret: "/secret",
		})
	}
	return q.ok(renderTSIG(res.Outcomes[0].TSIG))
}

func (a *api) deleteTSIG(q *request) error {
	id := q.pathID("tsig_id")
	if _, err := q.change(model.DeleteTSIG{ID: id}); err != nil {
		return err
	}
	return q.ok(idOnly{id})
}
