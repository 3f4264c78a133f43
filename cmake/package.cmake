# What `make install` puts beside the program, and the .deb that `make deb` makes of it.
option(HUDHUD_PACKAGE "install the systemd units and /etc/hudhud too, as the package does" OFF)

install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md TYPE DOC)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY packaging/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY share/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/hudhud)

# The settings as a file to begin with: what this very program prints.
install(CODE "execute_process(
  COMMAND \"$<TARGET_FILE:hudhud>\" serve --example-config
  OUTPUT_FILE \"${CMAKE_BINARY_DIR}/hudhud.conf\" COMMAND_ERROR_IS_FATAL ANY)")
if(HUDHUD_PACKAGE)
  install(FILES ${CMAKE_BINARY_DIR}/hudhud.conf DESTINATION /etc/hudhud)
  install(FILES packaging/systemd/hudhud.service packaging/systemd/hudhud.socket
          DESTINATION lib/systemd/system)
  install(FILES packaging/systemd/hudhud.sysusers DESTINATION lib/sysusers.d RENAME hudhud.conf)
else()
  install(FILES ${CMAKE_BINARY_DIR}/hudhud.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hudhud)
set(CPACK_PACKAGE_VENDOR "The Hudhud authors")
# There is no address yet that somebody reads; .invalid says so (RFC 2606).
set(CPACK_PACKAGE_CONTACT "Hudhud maintainers <maintainers@hudhud.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "self-hosted WhatsApp Business API server")
set(CPACK_PACKAGE_DESCRIPTION
"Links a business's WhatsApp numbers through Meta's Cloud API and gives its
developers a signed API. One program, with SQLite inside, and a simulator of
Meta's Graph API to develop against.")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # /etc is not below the prefix
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "ca-certificates, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(script postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/${script})
endforeach()
include(CPack)
