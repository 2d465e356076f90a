package record

import (
	"encoding/json"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// JSON is a record in answers; the order is that of contract section 5.2, with the two members of the zone where
// they stood for ten years: clients that have not been told of their end need them.
type JSON struct {
	ID              model.ID        `json:"id"`
	ZoneID          model.ID        `json:"zone_id,omitempty"`
	ZoneName        string          `json:"zone_name,omitempty"`
	Name            string          `json:"name"`
	Type            string          `json:"type"`
	Content         string          `json:"content"`
	Proxiable       bool            `json:"proxiable"`
	Proxied         bool            `json:"proxied"`
	TTL             uint32          `json:"ttl"`
	Settings        settingsJSON    `json:"settings"`
	Meta            metaJSON        `json:"meta"`
	Comment         *string         `json:"comment"`
	Tags            []string        `json:"tags"`
	CreatedOn       api.Stamp       `json:"created_on"`
	ModifiedOn      api.Stamp       `json:"modified_on"`
	Priority        *uint16         `json:"priority,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
	CommentModified *api.Stamp      `json:"comment_modified_on,omitempty"`
	TagsModified    *api.Stamp      `json:"tags_modified_on,omitempty"`
}

type metaJSON struct {
	// Ignored marks a record that is kept but neither answered nor transferred: NS at the apex without multi_provider.
	Ignored bool `json:"headwater_ignored,omitempty"`
}

type settingsJSON struct {
	FlattenCNAME bool `json:"flatten_cname,omitempty"`
	IPv4Only     bool `json:"ipv4_only,omitempty"`
	IPv6Only     bool `json:"ipv6_only,omitempty"`
}

// ToJSON gives a record as the API shows it.
func ToJSON(z *model.Zone, r *model.Record) JSON {
	out := JSON{
		ID: r.ID, ZoneID: z.ID, Name: r.Name.Host(), Type: r.Type.String(), Content: r.Content, Proxiable: rules.Proxiable(r.Type, r.Content),
		Proxied: r.Proxied, TTL: r.TTL, Settings: settingsJSON(r.Settings), Tags: api.OrEmpty(r.Tags),
		CreatedOn: api.Stamp(r.Created), ModifiedOn: api.Stamp(r.Modified), Priority: r.Priority, Data: recordData(r),
		Meta: metaJSON{Ignored: r.Type == wire.TypeNS && r.Name == z.Name && !z.Settings.MultiProvider},
	}
	if z.ID != "" {
		out.ZoneName = z.Name.Host()
	}
	if r.Comment != "" {
		out.Comment = &r.Comment
		out.CommentModified = (*api.Stamp)(&r.CommentModified)
	}
	if len(r.Tags) > 0 {
		out.TagsModified = (*api.Stamp)(&r.TagsModified)
	}
	return out
}
