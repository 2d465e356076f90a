// Package alarms keeps alarms, where they are told and what became of each message, and the log of what nodes tell one another. It
// must not know when an alarm is raised, how a message is sent, or who may read what.
package alarms
