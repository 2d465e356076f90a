package model

import (
	"context"
	"time"
)

// AlarmRule names what an alarm is about.
type AlarmRule string

// The rules. Of each zone and linked peer: those that begin with secondary, and refused transfers.
const (
	AlarmBehind    AlarmRule = "secondary_behind"
	AlarmSilent    AlarmRule = "secondary_silent"
	AlarmAhead     AlarmRule = "secondary_ahead"
	AlarmRefuses   AlarmRule = "secondary_refuses"
	AlarmExpires   AlarmRule = "secondary_expires"
	AlarmDiffers   AlarmRule = "secondary_differs"
	AlarmTransfers AlarmRule = "transfers_refused"
	AlarmParentNS  AlarmRule = "parent_ns_differs" // of a zone
	AlarmKeyWaits  AlarmRule = "dnssec_waits"      // of a zone
	AlarmTSIG      AlarmRule = "tsig_in_use"       // of an account and a key
)

// Severity of an alarm: how soon somebody has to look.
const (
	AlarmWarning  = "warning"
	AlarmCritical = "critical"
)

// AlarmSetting is when a rule's alarm is raised and cleared.
type AlarmSetting struct {
	Rule     AlarmRule
	Enabled  bool
	Severity string        // AlarmWarning or AlarmCritical
	After    time.Duration // that it must be so before it is raised
	Clear    time.Duration // that it must not be so before it is cleared
	Versions int           // AlarmBehind: raised at once when so many versions behind; 0: by time alone
	Before   time.Duration // AlarmExpires: how long before its copy expires
}

// DefaultAlarms are the rules as they are where an account says nothing else, in the order in which they are listed.
func DefaultAlarms() []AlarmSetting {
	const soon = time.Minute
	of := func(r AlarmRule, severity string, after time.Duration) AlarmSetting {
		return AlarmSetting{Rule: r, Enabled: true, Severity: severity, After: after, Clear: soon}
	}
	out := []AlarmSetting{
		of(AlarmBehind, AlarmWarning, 5*time.Minute),
		of(AlarmSilent, AlarmCritical, 10*time.Minute),
		of(AlarmAhead, AlarmCritical, time.Minute),
		of(AlarmRefuses, AlarmWarning, 2*time.Minute),
		of(AlarmExpires, AlarmCritical, 0),
		of(AlarmDiffers, AlarmCritical, 0),
		of(AlarmTransfers, AlarmWarning, time.Minute),
		of(AlarmParentNS, AlarmWarning, time.Hour),
		of(AlarmKeyWaits, AlarmWarning, 72*time.Hour),
		of(AlarmTSIG, AlarmWarning, 24*time.Hour),
	}
	out[4].Before = 24 * time.Hour
	return out
}

// AlarmSettings are the rules in which an account differs from DefaultAlarms.
type AlarmSettings struct {
	Account ID
	Rules   []AlarmSetting
}

// All are all rules as they are in the account.
func (s *AlarmSettings) All() []AlarmSetting {
	out := DefaultAlarms()
	for i := range out {
		for _, own := range s.Rules {
			if own.Rule == out[i].Rule {
				out[i] = own
			}
		}
	}
	return out
}

// AlarmKey is what there is one alarm of.
type AlarmKey struct {
	Account ID
	Rule    AlarmRule
	Zone    ID // empty where it is not of one
	Object  ID // the peer or the key that it is of; empty for none
}

// Alarm is one alarm: raised, or cleared again. It is the same one each time that its key's rule is broken, in another episode.
type Alarm struct {
	ID ID
	AlarmKey
	Severity string
	Raised   bool
	Episode  int       // how often it was raised
	ZoneName string    // the zone's name in host form; empty for none
	Subject  string    // the name of Object
	Text     string    // what is wrong, or was, in words
	RaisedOn time.Time // the last time
	Cleared  time.Time // zero while raised
	Changed  time.Time

	Acknowledged   time.Time // zero: nobody has
	AcknowledgedBy string
	SilencedUntil  time.Time // zero: it is told
	SilencedBy     string
}

// Silenced says whether nobody is told of the alarm.
func (a *Alarm) Silenced(now time.Time) bool { return now.Before(a.SilencedUntil) }

// AlarmChange asks for an alarm to be raised or cleared; one that is so already stays as it is.
type AlarmChange struct {
	AlarmKey
	Raised   bool
	Severity string
	ZoneName string
	Subject  string
	Text     string
	At       time.Time
}

// AlarmQuery selects alarms of an account, the last changed first.
type AlarmQuery struct {
	Account       ID
	Zone          ID // empty: any
	Rule          AlarmRule
	Raised        Switch // unset: both
	Offset, Limit int
}

// The kinds of webhooks.
const (
	WebhookHTTPS = "https"
	WebhookEmail = "email"
)

// Webhook is a place where alarms of an account are told.
type Webhook struct {
	ID         ID
	Account    ID
	Kind       string // WebhookHTTPS or WebhookEmail
	Name       string
	URL        string // of WebhookHTTPS
	Email      string // of WebhookEmail
	Enabled    bool
	Severities []string
	Secret     string `json:"-"` // what its messages are signed with
	Created    time.Time
	Modified   time.Time
}

// DeliveryState is what became of a message.
type DeliveryState uint8

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = iota
	DeliveryDone
	DeliveryFailed // given up
)

// Delivery is a message to one webhook.
type Delivery struct {
	ID       ID
	Account  ID
	Webhook  ID
	Test     bool    // somebody tries the webhook
	Alarms   []Alarm // as they were when it was written
	State    DeliveryState
	Attempts int
	Created  time.Time
	Next     time.Time // of DeliveryWaiting: when it is tried next
	Done     time.Time // when it was taken, or given up; zero before
	Status   int       // of the last answer; 0: there was none
	Error    string    // why the last try was none
}

// AlarmTx is a transaction about the alarm rules and webhooks of one account. What is not there is ErrNotFound.
type AlarmTx interface {
	Settings(ctx context.Context) (AlarmSettings, error)
	PutSettings(ctx context.Context, v AlarmSettings) error
	Webhook(ctx context.Context, id ID) (Webhook, error)
	CountWebhooks(ctx context.Context) (int, error)
	// PutWebhook inserts or replaces a webhook.
	PutWebhook(ctx context.Context, w Webhook) error
	DeleteWebhook(ctx context.Context, id ID) error
	AddDelivery(ctx context.Context, d Delivery) error
	// MemberHas says whether an accepted member of the account has an e-mail address, compared without case.
	MemberHas(ctx context.Context, email string) (bool, error)
	Audit(ctx context.Context, a ...Audit) error
}
