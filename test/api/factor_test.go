package api_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const factorPath = "/headwater/v1/user/second_factor"

// fresh is the header of the session that an answer has set, with its CSRF token.
func (s *server) fresh(r *reply) as {
	s.t.Helper()
	c, err := http.ParseSetCookie(r.Header.Get("Set-Cookie"))
	if err != nil {
		s.t.Fatal(err)
	}
	cookie := func(h http.Header) {
		h.Del("Authorization")
		h.Set("Cookie", c.Name+"="+c.Value)
	}
	token := s.must("GET", sessionPath, nil, cookie).object(s.t)["csrf_token"].(string)
	return func(h http.Header) {
		cookie(h)
		h.Set("X-Csrf-Token", token)
	}
}

// codeOf is what an authenticator of others shows now.
func (s *server) codeOf(secret string) string {
	s.t.Helper()
	code, err := totp.GenerateCode(secret, s.clock.time())
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// factor sets up a second factor for who is signed in.
func (s *server) factor(who as, password string) (secret string, recovery []string, now as) {
	s.t.Helper()
	secret = s.must("POST", factorPath, map[string]any{"current_password": password}, who).object(s.t)["secret"].(string)
	r := s.must("PUT", factorPath, map[string]any{"code": s.codeOf(secret)}, who)
	for _, c := range r.object(s.t)["recovery_codes"].([]any) {
		recovery = append(recovery, c.(string))
	}
	return secret, recovery, s.fresh(r)
}

func credentials(email, password, code string) map[string]any {
	return map[string]any{"email": email, "password": password, "code": code}
}

// TestSecondFactor walks the whole way: set up, asked for, taken once, recovered from, taken away.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, csrf := s.signIn(firstPassword)
	_, old := s.signIn(firstPassword)

	// Neither a token nor who does not know the password sets one up, nor a code of another secret.
	s.fails(400, model.CodeFactorState, "POST", factorPath, map[string]any{"current_password": firstPassword})
	s.fails(403, model.CodeSignIn, "POST", factorPath, map[string]any{"current_password": "wrong password"}, csrf)
	s.fails(400, model.CodeFactorState, "PUT", factorPath, map[string]any{"code": "123456"}, csrf)
	begun := s.must("POST", factorPath, map[string]any{"current_password": firstPassword}, csrf).object(t)
	if !strings.HasPrefix(begun["image"].(string), "data:image/png;base64,") || !strings.Contains(begun["uri"].(string), begun["secret"].(string)) {
		t.Errorf("begun %v", begun)
	}
	s.fails(400, model.CodeFactorCode, "PUT", factorPath, map[string]any{"code": s.codeOf("MFRGGZDFMZTWQ2LK")}, csrf)
	s.clock.pass(auth.FactorPending + time.Second)
	s.fails(400, model.CodeFactorState, "PUT", factorPath, map[string]any{"code": s.codeOf(begun["secret"].(string))}, csrf)

	secret, recovery, csrf := s.factor(csrf, firstPassword)
	if len(recovery) != auth.RecoveryCodes {
		t.Fatalf("recovery codes %v", recovery)
	}
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, old)
	s.fails(400, model.CodeFactorState, "POST", factorPath, map[string]any{"current_password": firstPassword}, csrf)
	if got := s.must("GET", factorPath, nil).object(t); got["enabled"] != true || strings.Contains(s.must("GET", factorPath, nil).Raw, secret) {
		t.Errorf("second factor %v", got)
	}
	if s.must("GET", "/user", nil).object(t)["two_factor_authentication_enabled"] != true {
		t.Error("the user does not show it")
	}

	// The password alone does not do; the code that has confirmed has been used. Tokens go on.
	s.fails(403, model.CodeFactorNeeded, "POST", sessionPath, credentials(s.email, firstPassword, ""), nobody)
	s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, s.codeOf(secret)), nobody)
	s.fails(403, model.CodeSignIn, "POST", sessionPath, credentials(s.email, "wrong password", s.codeOf(secret)), nobody)
	s.must("GET", "/zones", nil)

	// A clock half a minute ahead or behind does, and then what came before does not any more.
	s.clock.pass(90 * time.Second)
	behind := s.codeOf(secret)
	s.clock.pass(30 * time.Second)
	now := s.codeOf(secret)
	s.must("POST", sessionPath, credentials(s.email, firstPassword, behind[:3]+" "+behind[3:]), nobody)
	s.must("POST", sessionPath, credentials(s.email, firstPassword, now), nobody)
	s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, behind), nobody)
	s.clock.pass(60 * time.Second)
	s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, now), nobody)

	// A recovery code opens once, however it is written, and new ones take all the old ones away.
	s.must("POST", sessionPath, credentials(s.email, firstPassword, strings.ToUpper(recovery[0])), nobody)
	s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, recovery[0]), nobody)
	in := map[string]any{"current_password": firstPassword, "code": recovery[1]}
	renewed := s.must("POST", factorPath+"/recovery_codes", in, csrf)
	if strings.Contains(renewed.Raw, recovery[2]) {
		t.Error("old recovery codes are among the new")
	}
	s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, recovery[2]), nobody)

	s.clock.pass(time.Hour)
	s.fails(403, model.CodeFactorCode, "POST", factorPath+"/remove", map[string]any{"current_password": firstPassword, "code": "000000"}, csrf)
	gone := s.must("POST", factorPath+"/remove", map[string]any{"current_password": firstPassword, "code": s.codeOf(secret)}, csrf)
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, csrf)
	csrf = s.fresh(gone)
	s.fails(400, model.CodeFactorState, "POST", factorPath+"/recovery_codes", in, csrf)
	s.signIn(firstPassword)
}

// TestOneCodeOneSession: of many that come with one code at once one gets in.
func TestOneCodeOneSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, csrf := s.signIn(firstPassword)
	secret, recovery, _ := s.factor(csrf, firstPassword)
	s.clock.pass(time.Hour)
	for _, code := range []string{s.codeOf(secret), recovery[3]} {
		var all sync.WaitGroup
		codes := make([]int, 4)
		for i := range codes {
			all.Go(func() { codes[i] = s.do("POST", sessionPath, credentials(s.email, firstPassword, code), nobody).Status })
		}
		all.Wait()
		if n := len(slices.DeleteFunc(codes, func(c int) bool { return c != 200 })); n != 1 {
			t.Errorf("%d sessions were opened by one code", n)
		}
	}
}

// TestGuessedCodes: who has the password guesses five codes and then one in five minutes, from wherever he comes and whatever node he asks;
// the user gets in by a recovery code meanwhile.
func TestGuessedCodes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, csrf := s.signIn(firstPassword)
	secret, recovery, _ := s.factor(csrf, firstPassword)
	s.clock.pass(time.Hour)
	wrong := "000000"
	for range 5 {
		if s.codeOf(secret) == wrong {
			wrong = "000001"
		}
		s.fails(403, model.CodeFactorCode, "POST", sessionPath, credentials(s.email, firstPassword, wrong), nobody)
		// Asked for the code only, as if the browser had been opened anew: what was guessed is not forgiven by it.
		s.fails(403, model.CodeFactorNeeded, "POST", sessionPath, credentials(s.email, firstPassword, ""), nobody)
	}
	r := s.fails(429, model.CodeSignInTooOften, "POST", sessionPath, credentials(s.email, firstPassword, s.codeOf(secret)), nobody)
	if r.Header.Get("Retry-After") != "300" {
		t.Errorf("retry after %s", r.Header.Get("Retry-After"))
	}
	s.must("POST", sessionPath, credentials(s.email, firstPassword, recovery[0]), nobody)
	s.fails(429, model.CodeSignInTooOften, "POST", sessionPath, credentials(s.email, firstPassword, s.codeOf(secret)), nobody)
	s.clock.pass(5*time.Minute + time.Second)
	s.must("POST", sessionPath, credentials(s.email, firstPassword, s.codeOf(secret)), nobody)
}

// TestEnforcedFactor: an account that asks for second factors is closed to members without, whatever they come with, and open to its own tokens.
func TestEnforcedFactor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	ann, password, csrf := s.person("ann@example.com", "administrator")
	enforce := "/headwater/v1/accounts/" + string(s.account) + "/second_factor"
	token := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read")), csrf).object(t)["value"].(string)
	own := s.must("POST", "/accounts/"+string(s.account)+"/tokens",
		tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read"))).object(t)["value"].(string)
	s.must("GET", zone, nil, bearer(token))

	s.fails(400, model.CodeFactorState, "PUT", enforce, map[string]any{"enforced": true}, csrf) // would shut herself out
	s.fails(400, model.CodeFactorState, "PUT", enforce, map[string]any{}, csrf)
	_, admin := s.signIn(firstPassword)
	_, _, admin = s.factor(admin, firstPassword)
	if got := s.must("PUT", enforce, map[string]any{"enforced": true}, admin).object(t); got["settings"].(map[string]any)["enforce_twofactor"] != true {
		t.Errorf("account %v", got)
	}

	s.fails(403, model.CodeFactorEnforced, "GET", zone, nil, csrf)
	s.fails(403, model.CodeFactorEnforced, "GET", zone, nil, bearer(token))
	s.must("GET", zone, nil, bearer(own))
	got := s.must("GET", sessionPath, nil, csrf).object(t)
	if len(got["accounts"].([]any)) != 0 || len(got["locked_accounts"].([]any)) != 1 {
		t.Errorf("session %v", got)
	}
	secret, _, csrf := s.factor(csrf, password)
	s.must("GET", zone, nil, csrf)
	s.must("GET", zone, nil, bearer(token))
	s.clock.pass(time.Minute)
	s.fails(400, model.CodeFactorState, "POST", factorPath+"/remove", map[string]any{"current_password": password, "code": s.codeOf(secret)}, csrf)

	// An administrator of the server takes it away from who has lost it.
	s.fails(404, model.CodeUserInvalid, "DELETE", "/headwater/v1/users/"+string(s.account)+"/second_factor", nil)
	s.must("DELETE", "/headwater/v1/users/"+ann+"/second_factor", nil)
	s.fails(401, model.CodeSessionOver, "GET", zone, nil, csrf)
	_, csrf = withSession(t, s.must("POST", sessionPath, credentials("ann@example.com", password, ""), nobody))
	s.fails(403, model.CodeFactorEnforced, "GET", zone, nil, csrf)
	s.must("PUT", enforce, map[string]any{"enforced": false}, admin)
	s.must("GET", zone, nil, csrf)

	// So does who stands at the machine, for an administrator of the server.
	if err := auth.ResetAdmin(t.Context(), s.store, auth.ResetOptions{Email: s.email, Password: "one more password", Now: s.clock.time()}); err != nil {
		t.Fatal(err)
	}
	s.must("POST", sessionPath, credentials(s.email, "one more password", ""), nobody)
}
