# What `make install` puts beside the program, and the .deb that `make deb` makes of it.
install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md TYPE DOC)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY share/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/hudhud)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hudhud)
set(CPACK_PACKAGE_VENDOR "The Hudhud authors")
set(CPACK_PACKAGE_CONTACT "The Hudhud authors <hudhud@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "self-hosted WhatsApp Business API server")
set(CPACK_PACKAGE_DESCRIPTION
"Links a business's WhatsApp numbers through Meta's Cloud API and gives its
developers a signed API. One program, with SQLite inside, and a simulator of
Meta's Graph API to develop against.")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
