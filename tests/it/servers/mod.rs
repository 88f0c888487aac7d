mod configured;
mod destination;
mod metadata;
mod network;
mod ready;
mod replay;
