# Builds jail with cargo and puts it where a system expects it:
#
#     make                              the release binary
#     make install                      below /usr/local; as root, if that is root's
#     make install PREFIX=$HOME/.local
#     make install PREFIX=/usr DESTDIR=/tmp/package
#     make uninstall                    with the same PREFIX and DESTDIR
#     make deb                          a Debian package
#     make check                        all tests
#
# Profiles are built in: there is nothing of jail in /etc.

PREFIX = /usr/local
DESTDIR =
CARGO = cargo
INSTALL = install

BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

# The static binary; .cargo/config.toml names its target, and so cargo its directory.
JAIL = $(or $(CARGO_TARGET_DIR),target)/x86_64-unknown-linux-gnu/release/jail

PAGES_1 = $(notdir $(wildcard docs/man/*.1))
PAGES_5 = $(notdir $(wildcard docs/man/*.5))

build:
	$(CARGO) build --release --locked

# Only if it is not there: `make && sudo make install` runs no cargo as root.
$(JAIL):
	$(CARGO) build --release --locked

install: $(JAIL)
	$(INSTALL) -D -m 755 $(JAIL) $(DESTDIR)$(BINDIR)/jail
	$(INSTALL) -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 $(addprefix docs/man/,$(PAGES_1)) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(addprefix docs/man/,$(PAGES_5)) $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -D -m 644 completions/jail.bash $(DESTDIR)$(BASHDIR)/jail
	$(INSTALL) -D -m 644 completions/_jail $(DESTDIR)$(ZSHDIR)/_jail
	$(INSTALL) -D -m 644 completions/jail.fish $(DESTDIR)$(FISHDIR)/jail.fish

# Directories stay: others may have put something there.
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/jail
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(PAGES_1))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man5/,$(PAGES_5))
	rm -f $(DESTDIR)$(BASHDIR)/jail $(DESTDIR)$(ZSHDIR)/_jail $(DESTDIR)$(FISHDIR)/jail.fish

# A Debian package below target/x86_64-unknown-linux-gnu/debian: `cargo install cargo-deb` first.
deb:
	$(CARGO) deb --target x86_64-unknown-linux-gnu --locked

check:
	tests/run.sh

.PHONY: build install uninstall deb check
