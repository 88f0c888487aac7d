mod shared_login;
