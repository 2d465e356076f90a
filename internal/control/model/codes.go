package model

// Error codes that clients see. The first block is the upstream API's (contract section 3); 13000 to 13099 is ours, one
// code a rule, stable, listed in docs/compatibility.md.
const (
	CodeNameInvalid     = 9000
	CodeTypeInvalid     = 9002
	CodeProxyTarget     = 9003
	CodeProxyType       = 9004
	CodeContentA        = 9005
	CodeContentAAAA     = 9006
	CodeContentCNAME    = 9007
	CodeContentMX       = 9009
	CodeTTL             = 9021
	CodeCNAMESelf       = 9039
	CodeTags            = 9300
	CodeRecordNotFound  = 81044
	CodeQuota           = 81045
	CodeCNAMEConflict   = 81053 // CNAME onto A, AAAA or CNAME
	CodeAddressConflict = 81054 // A or AAAA onto CNAME
	CodeNSOntoOthers    = 81055
	CodeOthersOntoNS    = 81056
	CodeIdentical       = 81058
	CodeZoneExists      = 1061
	CodeZoneInvalid     = 1001
	CodeAccountInvalid  = 1067
	CodeDNSSECStatus    = 1002 // neither active nor disabled
	CodeRequestInvalid  = 1101

	CodeTSIGName        = 13001
	CodeTSIGAlgo        = 13002
	CodeTSIGSecret      = 13003
	CodeTSIGInUse       = 13004
	CodeTSIGNotFound    = 13005 // 404
	CodeTSIGSuccessor   = 13006 // a key that cannot follow, or has none that follows it
	CodeTSIGStillUsed   = 13007 // retiring a key that peers were last seen with
	CodePeerName        = 13010
	CodePeerIP          = 13011
	CodePeerPort        = 13012
	CodePeerTSIG        = 13013 // names a TSIG that is not in the account
	CodePeerInUse       = 13014
	CodePeerNotFound    = 13015 // 404
	CodePeersTSIGDiffer = 13016 // linked peers must share one TSIG if any has one
	CodePeerForbidden   = 13017 // 403: an address that tenants may not name
	CodePeerTransport   = 13018 // what transfers may come by, or a client's key
	CodePeerDNSSEC      = 13019 // what it gets of signed zones
	CodeACLName         = 13020
	CodeACLRange        = 13021
	CodeACLTooWide      = 13022
	CodeACLNotFound     = 13023 // 404
	CodeAccessCheck     = 13024 // a request whose access cannot be checked
	CodePeerCatalog     = 13025 // a catalog that cannot be, or is not, or a group in one
	CodePeerNames       = 13026 // who a peer's clients are by name, its authority, or how it is told
	CodeOutgoingName    = 13030
	CodeOutgoingPeers   = 13031 // an id that is no peer of the account, or twice the same
	CodeOutgoingTooMany = 13032 // more than 30 links
	CodeOutgoingExists  = 13033
	CodeOutgoingMissing = 13034 // 404: the zone has no outgoing configuration
	CodeOutgoingOff     = 13035 // force_notify while disabled
	CodeNotEntitled     = 13036
	CodeReviewBlocks    = 13037 // strict_review: no secondary can load the zone
	CodeSerial          = 13038 // a serial that one step cannot reach (RFC 1982)
	CodeZONEMD          = 13039 // a zone that is too large for a digest of it

	CodeDNAMEConflict = 13040 // DNAME onto DNAME or CNAME, CNAME onto DNAME
	CodeBelowDNAME    = 13041 // a record below a DNAME, or a DNAME above records
	CodeDSAtApex      = 13042
	CodeZoneNested    = 13043 // above or below a zone of another account
	CodePublicSuffix  = 13044
	CodeSharesNames   = 13045
	CodeImporting     = 13046 // 503: an import into the zone is on its way

	CodeTypeChange      = 13050 // a record's type cannot change
	CodeBatchTooLarge   = 13051
	CodeContentInvalid  = 13052 // content or data of a type without a code upstream
	CodePriority        = 13053
	CodeCommentInvalid  = 13054
	CodeRecordTooLarge  = 13055
	CodeSetTooLarge     = 13056 // all records of one name and type together
	CodeSettingsInvalid = 13057
	CodeTagInvalid      = 13058
	CodeFlattenInvalid  = 13059 // flatten_cname, ipv4_only, ipv6_only where they cannot stand
	CodeNoEdge          = 13060 // proxied without any edge address configured
	CodeDSWithoutNS     = 13061
	CodeImport          = 13062
	CodeEntitlement     = 13063
	CodeTransferMode    = 13064
	CodeZoneSetting     = 13065
	CodeTokenInvalid    = 13066
	CodeBodyInvalid     = 13067 // not JSON, too deep, too large, wrong kind of value
	CodePaging          = 13068
	CodeQuotaExceeded   = 13069 // of what is no record
)

// Codes of our own for signing in and for what is not there.
const (
	CodeSignIn          = 13070 // wrong e-mail or password
	CodeSignInTooOften  = 13071 // 429
	CodeSessionOver     = 13072 // 401
	CodeCSRF            = 13073 // 403
	CodeDNSSECState     = 13074 // a DNSSEC state that cannot be had
	CodeTokenNotFound   = 13075 // 404
	CodeAuditQuery      = 13076
	CodeMemberInvalid   = 13077
	CodeMemberNotFound  = 13078 // 404
	CodeUserInvalid     = 13079
	CodeCopySource      = 13080 // the source of a copy is not there, refuses, or has no such zone
	CodeCopyForbidden   = 13081 // 403
	CodeSuspended       = 13082 // 403: the user, or the account of the token
	CodeTokenBeyond     = 13083 // 403: a token makes or changes more than it may itself
	CodeTokensRemain    = 13084 // a message: tokens and the key outlive a new password
	CodeRecordChanged   = 13085 // 412: the record is not what If-Match says any more
	CodeDNSSECKeys      = 13086 // 500: the private keys of a signed zone cannot be opened
	CodeDNSSECKey       = 13087 // a key that the zone cannot have, or files that hold none
	CodeDNSSECNoKey     = 13088 // 404: the zone has no such key
	CodeDNSSECPolicy    = 13089 // how a zone is to be signed
	CodeAlarmNotFound   = 13150 // 404
	CodeAlarmInvalid    = 13151 // a rule, or what is said of an alarm
	CodeWebhook         = 13152
	CodeWebhookNotFound = 13153 // 404
	CodeZoneDamaged     = 13099 // 500
)

// Codes of sessions, second factors and other ways to sign in.
const (
	CodeSessionNotFound = 13160 // 404
	CodeFactorNeeded    = 13161 // 403: the password is right, and a code is asked for
	CodeFactorCode      = 13162 // 403, 400: a code that does not do
	CodeFactorState     = 13163 // what the state of the second factor does not allow
	CodeFactorEnforced  = 13164 // 403: the account asks for a second factor
	CodeOnlyChallenges  = 13165 // 403: who may change ACME challenges alone
	CodeOIDCState       = 13167 // a sign-in at a provider that was not begun in this browser, or is over
	CodeOIDCProvider    = 13168 // 502: the provider does not answer, or says what cannot be
	CodeOIDCEmail       = 13169 // 403: no verified e-mail address
	CodeOIDCTaken       = 13170 // 409: the e-mail address is somebody's
	CodeOIDCNobody      = 13171 // 403: no group opens anything
	CodeLogin           = 13172 // a link to a provider that cannot be made or taken away
	CodePasskeyOver     = 13173 // what a browser brings was not begun in it, or is over
	CodePasskeyRefused  = 13174 // 403: what the authenticator has signed does not do
	CodePasskey         = 13175 // a passkey that cannot be made or taken away
	CodePasskeyNone     = 13176 // 404
	CodeZoneRole        = 13166 // a role by zone that there is not
)

// CodeSealed is what needs a secret on a node that runs without the secret key: 503.
const CodeSealed = 13180

// Codes of plans, of waiting, and of drafts.
const (
	CodeNoPlan       = 13101 // a call that cannot be planned, or a header of it that says something else
	CodePlanTooLarge = 13102
	CodeNoWait       = 13103 // a call that is not waited for, or a header of it that says something else
	CodeFourEyes     = 13110 // 403: the zone is changed by approved drafts alone
	CodeDraftClash   = 13111 // 409: the zone has moved on under parts of a draft
	CodeDraftMissing = 13112 // 404
	CodeDraftState   = 13113 // 409: what the draft's state does not allow
	CodeDraftAuthor  = 13114 // 403: approval by who had a hand in it
	CodeDraftLimit   = 13115 // too large a draft, or too many
	CodeDraftInvalid = 13116 // what a draft cannot hold or be called
)

// Codes of policies for updates by messages (RFC 2136).
const (
	CodeUpdateMissing = 13140 // 404
	CodeUpdateTSIG    = 13141 // names a TSIG that is not in the account
	CodeUpdateNames   = 13142
	CodeUpdateTypes   = 13143
	CodeUpdateMost    = 13144 // too many policies
	CodeUpdateComment = 13145
)

// Codes of what becomes of zones and what takes it back.
const (
	CodeNote           = 13120 // a note that is too long, or no text
	CodeHistoryQuery   = 13121 // no serial, time or cursor
	CodeNoChange       = 13122 // 404
	CodeNoVersion      = 13123 // 404: the zone never had this version
	CodeHistoryGone    = 13124 // 410: older than what is kept
	CodeUndoRecord     = 13125 // 409: a record has been changed since
	CodeUndoSetting    = 13126 // 409: so has a setting
	CodeHistoryTooMuch = 13127 // too many records
	CodeUndoMoved      = 13128 // 409: the zone has moved on meanwhile
	CodeNothingToUndo  = 13129 // 409
	CodeLinkGone       = 13130 // a message: a zone came back without a link whose peer is gone
	CodeNotDeleted     = 13131 // 404: no such zone that could come back
	CodeHistoryDays    = 13132
	CodeUpdateChanged  = 13133 // 412: the policy of updates is not what If-Match says any more
)
