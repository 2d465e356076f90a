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

// tsigJSON is a TSIG as clients see it. The secret is answered in clear: clients keep it (contract section 7.1).
type tsigJSON struct {
	ID     model.ID `json:"id"`
	Name   string   `json:"name"`
	Secret string   `json:"secret,omitempty"`
	Algo   string   `json:"algo"`
}

func renderTSIG(k *model.TSIG) tsigJSON { return tsigJSON{k.ID, k.Name, k.Secret, k.Algo} }

// tsigDigests are the algorithms we take with the lengths of their digests in octets (RFC 8945 section 6). MD5 is not
// among them.
//
//nolint:gochecknoglobals // table
var tsigDigests = map[wire.Name]int{
	wire.MustName("hmac-sha1"):   20,
	wire.MustName("hmac-sha224"): 28,
	wire.MustName("hmac-sha256"): 32,
	wire.MustName("hmac-sha384"): 48,
	wire.MustName("hmac-sha512"): 64,
}

// maxSecret bounds a TSIG's secret, in octets.
const maxSecret = 512

// readTSIG reads the body and checks what can be checked without other rows. An empty secret stays empty.
func (q *request) readTSIG() (model.TSIG, int, error) {
	var in struct {
		Name   string  `json:"name"`
		Secret *string `json:"secret"`
		Algo   string  `json:"algo"`
	}
	if err := q.decode(&in); err != nil {
		return model.TSIG{}, 0, err
	}
	k := model.TSIG{Account: q.account, Name: in.Name, Algo: in.Algo}
	if in.Secret != nil {
		k.Secret = *in.Secret
	}
	if n, err := wire.ParseName(k.Name); err != nil || n == wire.Root || !printable(k.Name) {
		return k, 0, invalid(model.CodeTSIGName, "/name", "The name of a TSIG must be a domain name.")
	}
	algo, err := wire.ParseName(k.Algo)
	digest, ok := tsigDigests[algo]
	if err != nil || !ok {
		return k, 0, invalid(model.CodeTSIGAlgo, "/algo",
			"The algorithm must be one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512.")
	}
	if k.Secret == "" {
		return k, digest, nil
	}
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil || len(secret) == 0 || len(secret) > maxSecret || strings.ContainsAny(k.Secret, "\r\n") {
		return k, 0, invalid(model.CodeTSIGSecret, "/secret", "The secret must be 1 to 512 octets in base64.")
	}
	return k, digest, nil
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

func newTSIGSecret(octets int) string {
	b := make([]byte, octets)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b)
}

func (a *api) listTSIGs(q *request) error {
	list, err := a.Store.TSIGs(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return onePage(q, each(list, renderTSIG))
}

func (a *api) getTSIG(q *request) error {
	k, err := q.tsig()
	if err != nil {
		return err
	}
	return q.ok(renderTSIG(&k))
}

func (q *request) tsig() (model.TSIG, error) {
	k, err := q.api.Store.TSIG(q.ctx(), q.account, q.pathID("tsig_id"))
	return k, orMissing(err, model.CodeTSIGNotFound, "There is no such TSIG.")
}

func (a *api) createTSIG(q *request) error {
	k, digest, err := q.readTSIG()
	if err != nil {
		return err
	}
	if k.Secret == "" {
		k.Secret = newTSIGSecret(digest)
	}
	return q.putTSIG(k)
}

// putTSIG replaces a TSIG. One that comes without a secret keeps its own: a rename shall not change the key.
func (a *api) putTSIG(q *request) error {
	k, _, err := q.readTSIG()
	if err != nil {
		return err
	}
	old, err := q.tsig()
	if err != nil {
		return err
	}
	if k.Secret == "" {
		k.Secret = old.Secret
	}
	k.ID = old.ID
	return q.putTSIG(k)
}

func (q *request) putTSIG(k model.TSIG) error {
	res, err := q.change(model.PutTSIG{TSIG: k})
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
