// Package alarms shows alarms, their rules and where they are told as JSON, and what happens as a stream of events.
package alarms
