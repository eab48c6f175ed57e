/** The command `hotpath`. */

export {};
