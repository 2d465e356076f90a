// Package draft is plans and drafts as JSON: what a change would do, object by object, RRset by RRset, finding by finding; the edits that people
// put together before they are done; and which zones are changed by approved drafts alone.
//
// It does not know how a plan is made, nor what a draft may become: that is package control/draft's.
package draft
