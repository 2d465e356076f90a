package audit

import "encoding/binary"

// words are texts that entries have again and again. A word is told by its place, counted from 1: so none may ever be moved or
// removed, and new ones come last.
//
//nolint:gochecknoglobals // table
var words = [...]string{
	"create", "update", "delete", "view",
	"rec_add", "rec_set", "rec_del", "rec_import", "add", "set", "notify", "login", "login_refused",
	"dns.record", "zone", "account", "secondary_dns.tsig", "secondary_dns.peer", "secondary_dns.acl",
	"zone.zone", "zone.dns_settings", "zone.transfer_settings", "zone.entitlements", "zone.serial", "zone.outgoing",
	"zone.outgoing.create", "zone.outgoing.update", "zone.outgoing.delete", "zone.outgoing.enable", "zone.outgoing.disable",
	"account.dns_settings", "account.suspension",
	"user", "user.reset", "member", "token", "session",
	"api_key", "api_token", "dash", "system",
	"revert", "undelete", "zone.revert",
}

//nolint:gochecknoglobals // the same, turned round
var places = func() map[string]uint64 {
	out := make(map[string]uint64, len(words))
	for i, w := range words {
		out[w] = uint64(i) + 1
	}
	return out
}()

// appendWord writes the place of a word, or 0 and the text.
func appendWord(dst []byte, s string) []byte {
	if n := places[s]; n > 0 {
		return binary.AppendUvarint(dst, n)
	}
	return appendOctets(append(dst, 0), []byte(s))
}

func (r *reader) word() string {
	switch n := r.uvarint(); {
	case r.bad:
		return ""
	case n == 0:
		return string(r.octets())
	case n <= uint64(len(words)):
		return words[n-1]
	}
	r.fail()
	return ""
}
