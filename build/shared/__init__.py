"""What the build, the release and the tests share: the checkout, ELF files, Debian's packages."""
