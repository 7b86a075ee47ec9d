package catalog

import (
	"fmt"
	"io"
	"log/slog"
)

// Mask is what is shown in place of a secret.
const Mask = "***"

// Secret is a text that prints as "***" whichever way it is formatted. Only
// [Secret.Reveal] gives the text. The zero Secret is the empty text.
type Secret struct {
	// text is behind a pointer because %p and other wrong verbs print fields
	// without asking Format.
	text *string
}

// NewSecret keeps a text as a secret.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Call it where the text is handed to the system that
// needs it, nowhere else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String returns the mask.
func (s Secret) String() string { return Mask }

// GoString returns the mask.
func (s Secret) GoString() string { return Mask }

// Format writes the mask for every verb, %x and %d included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// MarshalText writes the mask; JSON and XML use it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalYAML writes the mask.
func (s Secret) MarshalYAML() ([]byte, error) { return []byte(`"` + Mask + `"`), nil }

// LogValue is the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Mask) }
