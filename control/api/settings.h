/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings - what pgwd hands to pgw-api.
 *
 * Descriptor 3 is a stream socket to pgwd, on which JSON lines come; when it is closed, pgw-api
 * ends. 4 and 5 are connections to pgwd's control socket for the API: one for requests that only
 * ask, one for those that change something. From 6 on come the listening sockets. The first line is
 *   {"listeners":[{"tls":true,"port":443,"certificate":PEM,"key":PEM}, …]}
 * with one element a socket; each later line is such an object again and brings other
 * certificates. pgw-api never writes to descriptor 3.
 */
#ifndef PGW_API_SETTINGS_H
#define PGW_API_SETTINGS_H

#define SETTINGS_FD_LIFE       3
#define SETTINGS_FD_READ       4
#define SETTINGS_FD_CHANGE     5
#define SETTINGS_FD_LISTEN     6
#define SETTINGS_LISTENERS_MAX 4u

#endif
