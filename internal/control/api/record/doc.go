// Package record is the room of the API for records: their JSON to and from RDATA, one at a time, in lists and in batches. It knows their JSON and asks for changes; it must not know who may ask, how a change is committed.
package record
